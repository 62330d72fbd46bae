package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// Deferred calls, and what recovers in them. A panic calls its deferred functions in the process where it is, and recover works in such a
// function's own frame alone. So a declared function that recovers comes along where it is deferred; a function value is home's
// or the worker's own, which is seen when it is deferred; and a literal of the worker's that recovers must not be deferred elsewhere.

func (r *rewriter) deferStatement(s *ast.DeferStmt) string {
	var callee *types.Func
	switch f := ast.Unparen(s.Call.Fun).(type) {
	case *ast.Ident:
		callee, _ = r.types.Uses[f].(*types.Func)
		if b, ok := r.types.Uses[f].(*types.Builtin); ok && b.Name() == "recover" {
			r.refuse(s, "defer recover()")
		}
	case *ast.SelectorExpr:
		callee, _ = r.types.Uses[f.Sel].(*types.Func)
	case *ast.IndexExpr, *ast.IndexListExpr:
		callee = r.instantiated(f)
	}
	if callee != nil && callee.Signature().Recv() != nil && types.IsInterface(callee.Signature().Recv().Type()) && r.out.s.someoneRecovers(callee.Name()) {
		panic(refusal{reasonRecover, "it defers " + callee.Name() + " of an interface, and a method of that name recovers", s.Pos()})
	}
	if callee != nil && r.out.recovers(callee) {
		before := r.ordered(nil, []ast.Expr{s.Call})
		return afterAll(before, "defer "+r.deferredRecoverer(s.Call, callee))
	}
	if _, literal := ast.Unparen(s.Call.Fun).(*ast.FuncLit); callee == nil && !literal && r.types.Types[s.Call.Fun].IsValue() && !r.alwaysLiteral(s.Call.Fun) {
		return r.deferredValue(s)
	}
	before := r.ordered(nil, []ast.Expr{s.Call})
	text := r.expr(s.Call)
	if !strings.HasSuffix(text, ")") {
		r.refuse(s, "defer of an expression that is no call any more")
	}
	return afterAll(before, "defer "+text)
}

// deferredValue renders the deferred call of a function value. One of home's may recover, and can do so only if the panic is at home
// when it is called: fire recovers for it here, and home passes its arguments in registers (see home/deferred_unsafe.go).
func (r *rewriter) deferredValue(s *ast.DeferStmt) string {
	signature, ok := core(r.typeOf(s.Call.Fun)).(*types.Signature)
	if !ok || !inRegisters(signature.Params()) || !inRegisters(signature.Results()) {
		panic(refusal{reasonRecover, "it defers a function value that may recover, with more parameters or results than fit in registers", s.Pos()})
	}
	r.deferred = ast.Unparen(s.Call.Fun)
	before := r.ordered(nil, []ast.Expr{s.Call})
	return afterAll(before, "defer "+r.arguments(s.Call, "fire__.Deferrable("+r.held(s.Call.Fun)+")", nil))
}

// inRegisters reports whether Go passes all of these in registers, and as few as every processor has that home is built for
// (cmd/compile/abi-internal.md). What depends on type arguments is not known here.
func inRegisters(list *types.Tuple) bool {
	words, floats, all := 0, 0, true
	var add func(t types.Type)
	add = func(t types.Type) {
		if _, parameter := types.Unalias(t).(*types.TypeParam); parameter {
			all = false
			return
		}
		switch t := t.Underlying().(type) {
		case *types.Array:
			all = all && t.Len() <= 1
			if t.Len() == 1 {
				add(t.Elem())
			}
		case *types.Struct:
			for f := range t.Fields() {
				add(f.Type())
			}
		case *types.Slice:
			words += 3
		case *types.Interface:
			words += 2
		case *types.Basic:
			switch {
			case t.Info()&types.IsFloat != 0:
				floats++
			case t.Info()&types.IsComplex != 0:
				floats += 2
			case t.Info()&types.IsString != 0:
				words += 2
			default:
				words++
			}
		default:
			words++
		}
	}
	for v := range list.Variables() {
		add(v.Type())
	}
	return all && words <= 9 && floats <= 15
}

// deferredRecoverer renders the deferred call of a function that recovers: it comes along, to run where the panic is.
func (r *rewriter) deferredRecoverer(e *ast.CallExpr, callee *types.Func) string {
	if callee.Signature().RecvTypeParams().Len() > 0 {
		panic(refusal{reasonRecover, "it defers " + functionID(callee) + ", which recovers", e.Pos()})
	}
	name := r.out.hostDeferred(callee)
	if alias := r.table.alias(callee.Pkg().Path()); alias != "" {
		name = alias + "." + name
	}
	switch f := ast.Unparen(e.Fun).(type) {
	case *ast.IndexExpr:
		name += r.after(f.X, f)
	case *ast.IndexListExpr:
		name += r.after(f.X, f)
	case *ast.SelectorExpr:
		if s := r.types.Selections[f]; s != nil && s.Kind() == types.MethodVal {
			receiver := r.receiver(f, s)
			if len(e.Args) > 0 {
				receiver += ", "
			}
			return strings.Replace(r.arguments(e, name, callee), name+"(", name+"("+receiver, 1)
		} else if s != nil {
			panic(refusal{reasonRecover, "it defers " + functionID(callee) + ", which recovers", e.Pos()})
		}
	}
	return r.arguments(e, name, callee)
}

// alwaysLiteral reports whether an expression is a variable that never holds anything but literals of this function.
func (r *rewriter) alwaysLiteral(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok || r.boxed[r.object(id)] || isPackageVariable(r.object(id)) {
		return false
	}
	variable, literals, others := r.object(id), 0, 0
	count := func(target, value ast.Expr) {
		name, ok := ast.Unparen(target).(*ast.Ident)
		if !ok || r.object(name) != variable {
			return
		}
		if _, ok := value.(*ast.FuncLit); ok {
			literals++
		} else {
			others++
		}
	}
	ast.Inspect(r.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, target := range n.Lhs {
				if len(n.Rhs) == len(n.Lhs) {
					count(target, n.Rhs[i])
				} else {
					count(target, nil)
				}
			}
		case *ast.RangeStmt:
			count(n.Key, nil)
			count(n.Value, nil)
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					count(name, n.Values[i])
				}
			}
		case *ast.Field: // a parameter
			for _, name := range n.Names {
				count(name, nil)
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				count(n.X, nil)
			}
		}
		return true
	})
	return literals > 0 && others == 0
}

// recoversElsewhere refuses a body with a function value that recovers, unless it is deferred where it stands: whoever else defers it
// may do so at home, where the worker's recover does not reach.
func (e *emitter) recoversElsewhere(info *PackageInfo, decl *ast.FuncDecl) *refusal {
	settled := map[ast.Expr]bool{} // called or deferred here, which others look at
	var found *refusal
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			f := ast.Unparen(n.Fun)
			switch g := f.(type) {
			case *ast.IndexExpr:
				settled[g.X] = true
			case *ast.IndexListExpr:
				settled[g.X] = true
			}
			settled[f] = true
		case *ast.FuncLit:
			if !settled[n] && callsRecover(info.Info, n.Body) && !calledAlone(info.Info, decl.Body, n) {
				found = &refusal{reasonRecover, "it has a function literal that recovers and is not deferred where it stands", n.Pos()}
			}
		case *ast.SelectorExpr:
			settled[n.Sel] = true
			if !settled[n] {
				found = e.recoversAsValue(info, n.Sel, found)
			}
		case *ast.Ident:
			if !settled[n] {
				found = e.recoversAsValue(info, n, found)
			}
		}
		return found == nil
	})
	return found
}

func (e *emitter) recoversAsValue(info *PackageInfo, id *ast.Ident, found *refusal) *refusal {
	f, ok := info.Info.Uses[id].(*types.Func)
	if !ok {
		return found
	}
	recv := f.Signature().Recv()
	if e.recovers(f) || recv != nil && types.IsInterface(recv.Type()) && e.s.someoneRecovers(f.Name()) {
		return &refusal{reasonRecover, "it uses " + f.Name() + ", which recovers, as a value", id.Pos()}
	}
	return found
}

// calledAlone reports whether a literal is the value of a variable that is called, or deferred, and nothing else.
func calledAlone(info *types.Info, body *ast.BlockStmt, literal *ast.FuncLit) bool {
	var variable types.Object
	called := map[*ast.Ident]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && len(n.Rhs) == 1 && n.Rhs[0] == literal {
				if id, ok := n.Lhs[0].(*ast.Ident); ok {
					variable = info.Defs[id]
				}
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok {
				called[id] = true
			}
		}
		return true
	})
	alone := variable != nil
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && alone && info.Uses[id] == variable {
			alone = called[id]
		}
		return alone
	})
	return alone
}
