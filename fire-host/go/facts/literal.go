package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
)

// What functions are called in a stack. The compiler names function literals by where they stand, one after the other, and the
// rewriter adds some of its own: the worker is told what each of its literals is in the user's program.

// functionLiterals gives each function literal of a declaration what the compiler puts after the declaration's name, and the nodes
// around it, the nearest last.
func functionLiterals(decl *ast.FuncDecl, visit func(l *ast.FuncLit, suffix string, around []ast.Node)) {
	if decl.Body == nil {
		return
	}
	var within func(n ast.Node, suffix string)
	within = func(body ast.Node, suffix string) {
		count := 0
		var path []ast.Node
		ast.Inspect(body, func(n ast.Node) bool {
			if n == nil {
				path = path[:len(path)-1]
				return true
			}
			l, ok := n.(*ast.FuncLit)
			if !ok {
				path = append(path, n)
				return true
			}
			count++
			own := fmt.Sprintf("%s.%d", suffix, count)
			if suffix == "" {
				own = fmt.Sprintf(".func%d", count)
			}
			visit(l, own, path)
			within(l.Body, own)
			return false
		})
	}
	within(decl.Body, "")
}

// literalMark is a comment that tells a rewritten literal of the user's, and what it is called.
const literalMark = "func/*"

// noteLiterals finds what the literals of a declaration are called.
func (r *rewriter) noteLiterals(decl *ast.FuncDecl) {
	r.literals = map[*ast.FuncLit]string{}
	functionLiterals(decl, func(l *ast.FuncLit, suffix string, _ []ast.Node) { r.literals[l] = suffix })
}

// literalNames are what follows a body's symbol for each literal in its rewritten text, and what that is in the user's program.
// Those that agree are left out.
func literalNames(text string) []string {
	const head = "package p\n"
	file, err := parser.ParseFile(token.NewFileSet(), "", head+text, parser.SkipObjectResolution)
	if err != nil {
		return nil // told elsewhere
	}
	var out []string
	for _, d := range file.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		functionLiterals(decl, func(l *ast.FuncLit, suffix string, around []ast.Node) {
			name := "-" // see worker.Body
			rest, ours := strings.CutPrefix(text[int(l.Pos())-1-len(head):], literalMark)
			if calledThere(l, around) {
				name = "="
			}
			if ours {
				name, _, _ = strings.Cut(rest, "*/")
			}
			if name != suffix {
				out = append(out, suffix, name)
			}
		})
	}
	return out
}

// calledThere reports whether a literal is called where it stands, in the course of the function.
func calledThere(l *ast.FuncLit, around []ast.Node) bool {
	call, ok := around[len(around)-1].(*ast.CallExpr)
	if !ok || call.Fun != l {
		return false
	}
	switch around[len(around)-2].(type) {
	case *ast.DeferStmt, *ast.GoStmt:
		return false
	}
	return true
}

// stackName is what a function is called in a stack, after the path of its package.
func stackName(f *types.Func) string {
	signature := f.Signature()
	recv := signature.Recv()
	if recv == nil {
		if signature.TypeParams().Len() > 0 {
			return f.Name() + "[...]"
		}
		return f.Name()
	}
	t, format := recv.Type(), "%s.%s"
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t, format = p.Elem(), "(*%s).%s"
	}
	name := "?"
	if n, ok := types.Unalias(t).(*types.Named); ok {
		name = n.Obj().Name()
	}
	if signature.RecvTypeParams().Len() > 0 {
		name += "[...]"
	}
	return fmt.Sprintf(format, name, f.Name())
}

// symbol is what a hosted body is called in the worker's own stacks, up to the dots of its type arguments.
func (b *hostedBody) symbol() string {
	if b.as == asItself {
		return strings.TrimSuffix(stackName(b.object), "[...]")
	}
	return b.name
}

// frames renders what tells the worker how the functions of a body are called.
func (b *hostedBody) frames() string {
	if b.object == nil {
		return ""
	}
	list := literalNames(b.text)
	quoted := make([]string, 0, len(list)+3)
	for _, one := range append([]string{b.path, b.symbol(), stackName(b.object)}, list...) {
		quoted = append(quoted, fmt.Sprintf("%q", one))
	}
	return "\tfire__.Body(" + strings.Join(quoted, ", ") + ")\n"
}
