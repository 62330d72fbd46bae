package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// lifetimes are functions that see when nothing refers to an object any more, or that make what sees it. Home keeps what a
// moved call has been handed for as long as the call, and with the closures that it leaves: such an object would not go.
var lifetimes = map[string]bool{"runtime.SetFinalizer": true, "runtime.AddCleanup": true, "weak.Make": true}

// watchesLifetime refuses a use of a function that watches an object's lifetime.
func watchesLifetime(f *types.Func, pos token.Pos) {
	if id := functionID(f); lifetimes[id] {
		panic(refusal{reasonConstruct, "a call of " + id + ": home keeps what a moved call refers to, so that it would not be collected when it is here", pos})
	}
}

func (r *rewriter) call(e *ast.CallExpr) string {
	tv := r.types.Types[e.Fun]
	if tv.IsType() {
		return r.conversion(e, tv.Type)
	}
	if tv.IsBuiltin() {
		return r.builtin(e)
	}
	var callee *types.Func
	fun := ""
	switch f := ast.Unparen(e.Fun).(type) {
	case *ast.Ident:
		if callee, _ = r.types.Uses[f].(*types.Func); callee != nil {
			fun = r.function(f, callee)
		}
	case *ast.SelectorExpr:
		if callee, _ = r.types.Uses[f.Sel].(*types.Func); callee != nil {
			if s := r.types.Selections[f]; s == nil {
				fun = r.function(f, callee)
			} else if s.Kind() == types.MethodVal {
				fun = r.receiver(f, s) + "." + f.Sel.Name
			}
		}
	case *ast.IndexExpr, *ast.IndexListExpr:
		callee = r.instantiated(f)
	}
	if callee != nil && !(len(e.Args) == 2 && r.types.Types[e.Args[1]].IsNil()) { // no finalizer is none to wait for
		watchesLifetime(callee, e.Pos())
	}
	if callee != nil && functionID(callee) == "reflect.TypeFor" {
		return r.typeForCall(e, callee)
	}
	if fun == "" {
		fun = r.expr(e.Fun)
	}
	return r.arguments(e, fun, callee)
}

// function renders the name of a function.
func (r *rewriter) function(e ast.Expr, f *types.Func) string {
	if name, ok := replaced[functionID(f)]; ok {
		return name
	}
	return r.source(e)
}

// functionValue renders a function that is not called here. Home knows it as its own.
func (r *rewriter) functionValue(e ast.Expr, f *types.Func) string {
	name := r.function(e, f)
	if id := functionID(f); f.Signature().TypeParams().Len() == 0 && f.Pkg() != nil && replaced[id] == "" {
		watchesLifetime(f, e.Pos())
		if r.out.valued[id] == nil {
			r.out.valued[id] = f
			r.out.changed = true
		}
	}
	return name
}

// typeForCall renders reflect.TypeFor[T]() by what it stands for: types are home's.
func (r *rewriter) typeForCall(e *ast.CallExpr, callee *types.Func) string {
	x, ok := ast.Unparen(e.Fun).(*ast.IndexExpr)
	typeOf, _ := callee.Pkg().Scope().Lookup("TypeOf").(*types.Func)
	if !ok || typeOf == nil {
		r.refuse(e, "a call of reflect.TypeFor")
	}
	r.out.markFunction(typeOf)
	return r.table.alias("reflect") + ".TypeOf((*" + r.source(x.Index) + ")(nil)).Elem()"
}

func (r *rewriter) instantiated(e ast.Expr) *types.Func {
	var x ast.Expr
	switch e := e.(type) {
	case *ast.IndexExpr:
		x = e.X
	case *ast.IndexListExpr:
		x = e.X
	}
	var id *ast.Ident
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return nil
	}
	f, _ := r.types.Uses[id].(*types.Func)
	return f
}

// arguments renders a call with its function already rendered.
func (r *rewriter) arguments(e *ast.CallExpr, fun string, callee *types.Func) string {
	s := splices{text: r.text}
	s.replace(r.info.offset(e.Fun.Pos()), r.info.offset(e.Fun.End()), fun)
	from := len(e.Args) // the first argument of a slice that must be born at home
	signature, _ := core(r.typeOf(e.Fun)).(*types.Signature)
	if signature != nil && signature.Variadic() && !e.Ellipsis.IsValid() && len(e.Args) >= signature.Params().Len() && !r.tuple(e) {
		// A stub hands the slice home as it is; code inside the worker could keep it and hand it out twice.
		if callee == nil || callee.Signature().TypeParams().Len() > 0 {
			from = signature.Params().Len() - 1
		}
	}
	for i, a := range e.Args {
		text := r.expr(a)
		if i == from {
			last := signature.Params().At(signature.Params().Len() - 1).Type()
			text = "fire__.Adopt(" + r.typeText(e, last) + "{" + text
		}
		s.replace(r.info.offset(a.Pos()), r.info.offset(a.End()), text)
	}
	if from < len(e.Args) {
		s.insert(r.info.offset(e.Args[len(e.Args)-1].End()), "})...")
	}
	return s.render(r.info.offset(e.Pos()), r.info.offset(e.End()))
}

// tuple reports whether the call passes on the several results of another.
func (r *rewriter) tuple(e *ast.CallExpr) bool {
	if len(e.Args) != 1 {
		return false
	}
	_, ok := r.typeOf(e.Args[0]).(*types.Tuple)
	return ok
}

func elementIs(t types.Type, kinds ...types.BasicKind) bool {
	s, ok := core(t).(*types.Slice)
	if !ok {
		return false
	}
	b, ok := s.Elem().Underlying().(*types.Basic)
	if !ok {
		return false
	}
	for _, k := range kinds {
		if b.Kind() == k {
			return true
		}
	}
	return false
}

func (r *rewriter) conversion(e *ast.CallExpr, to types.Type) string {
	x := e.Args[0]
	from := r.typeOf(x)
	target := r.source(e.Fun)
	if isUnsafePointer(to) || isUnsafePointer(from) {
		return r.unsafeConversion(e, to, from)
	}
	toCore, fromCore := core(to), core(from)
	if text := r.eitherText(target, x, to, from); text != "" {
		return text
	}
	if toCore == nil || fromCore == nil {
		if b, ok := r.types.Types[x]; ok && b.Value != nil {
			return r.keep(e, x)
		}
		if !isInterface(to) && (textLike(to) || textLike(from)) {
			r.refuse(e, "a conversion of a type parameter that may be text")
		}
		return r.keep(e, x)
	}
	switch {
	case isString(to) && elementIs(from, types.Byte):
		return target + "(fire__.String(" + r.expr(x) + "))"
	case isString(to) && elementIs(from, types.Rune):
		return target + "(fire__.StringOfRunes(" + r.expr(x) + "))"
	case elementIs(to, types.Byte) && isString(from):
		return target + "(fire__.Bytes(fire__.AsString(" + r.expr(x) + ")))"
	case elementIs(to, types.Rune) && isString(from):
		return target + "(fire__.Runes(fire__.AsString(" + r.expr(x) + ")))"
	}
	if a, ok := toCore.(*types.Array); ok && a.Len() > 0 { // nothing is read of an empty one, which may come of a nil slice
		if _, ok := fromCore.(*types.Slice); ok {
			return "fire__.Load((*" + target + ")(" + r.expr(x) + "))"
		}
	}
	if _, ok := toCore.(*types.Struct); ok {
		r.out.markConverted(to)
		r.out.markConverted(from)
	}
	if to, ok := toCore.(*types.Pointer); ok {
		if from, ok := fromCore.(*types.Pointer); ok {
			r.out.markConverted(to.Elem())
			r.out.markConverted(from.Elem())
		}
	}
	return r.keep(e, x)
}

// byteText reports whether a type parameter is a string or a slice of bytes, of which one cannot tell.
func byteText(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.TypeParam)
	if !ok || core(t) != nil {
		return false
	}
	found := false
	constraint, ok := p.Constraint().Underlying().(*types.Interface)
	if !ok {
		return false
	}
	for i := range constraint.NumEmbeddeds() {
		union, ok := types.Unalias(constraint.EmbeddedType(i)).(*types.Union)
		if !ok {
			return false
		}
		for j := range union.Len() {
			if term := union.Term(j).Type(); !isString(term) && !elementIs(term, types.Byte) {
				return false
			}
			found = true
		}
	}
	return found
}

// eitherText renders a conversion where a type parameter may be a string or a slice of bytes. Empty: it is another.
func (r *rewriter) eitherText(target string, x ast.Expr, to, from types.Type) string {
	switch {
	case byteText(to) && byteText(from):
		return "fire__.OfEither[" + target + "](" + r.expr(x) + ")"
	case byteText(to) && isString(from):
		return "fire__.OfText[" + target + "](fire__.AsString(" + r.expr(x) + "))"
	case byteText(to) && elementIs(from, types.Byte):
		return "fire__.OfBytes[" + target + "](" + r.expr(x) + ")"
	case byteText(from) && isString(to):
		return target + "(fire__.TextOf(" + r.expr(x) + "))"
	case byteText(from) && elementIs(to, types.Byte):
		return target + "(fire__.BytesOf(" + r.expr(x) + "))"
	}
	return ""
}

// textLike reports whether a type parameter's constraint allows strings or byte slices.
func textLike(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.TypeParam)
	if !ok {
		return isString(t) || elementIs(t, types.Byte, types.Rune)
	}
	return anyType(p.Constraint().Underlying(), func(t types.Type) bool {
		if _, ok := t.(*types.Interface); ok {
			return false
		}
		b, ok := t.Underlying().(*types.Basic)
		return ok && b.Info()&types.IsString != 0
	})
}

func (r *rewriter) builtin(e *ast.CallExpr) string {
	id, ok := ast.Unparen(e.Fun).(*ast.Ident)
	if tv := r.types.Types[e]; tv.Value != nil {
		if t, ok := tv.Type.(*types.Basic); ok && t.Info()&types.IsUntyped != 0 {
			return "(" + constantText(tv.Value) + ")"
		}
		return r.typeText(e, tv.Type) + "(" + constantText(tv.Value) + ")"
	}
	if !ok {
		return r.unsafeCall(e, ast.Unparen(e.Fun).(*ast.SelectorExpr).Sel.Name)
	}
	arg := func(i int) string { return r.expr(e.Args[i]) }
	argCore := func(i int) types.Type { return core(r.typeOf(e.Args[i])) }
	switch id.Name {
	case "append":
		return r.append(e)
	case "copy":
		if byteText(r.typeOf(e.Args[1])) {
			return "fire__.CopyString(" + arg(0) + ", fire__.TextOf(" + arg(1) + "))"
		}
		if argCore(1) == nil {
			r.refuse(e, "copy of a type parameter without a core type")
		}
		if isString(r.typeOf(e.Args[1])) {
			return "fire__.CopyString(" + arg(0) + ", fire__.AsString(" + arg(1) + "))"
		}
		return "fire__.Copy(" + arg(0) + ", " + arg(1) + ")"
	case "len", "cap":
		switch t := argCore(0).(type) {
		case nil:
			if textLike(r.typeOf(e.Args[0])) {
				return r.keep(e, e.Args[0])
			}
			r.refuse(e, id.Name+" of a type parameter without a core type")
		case *types.Map:
			return "fire__.MapLen(" + arg(0) + ")"
		case *types.Chan:
			name := map[string]string{"len": "fire__.ChanLen", "cap": "fire__.ChanCap"}[id.Name]
			if t.Dir() == types.SendOnly {
				name += "OfSender"
			}
			return name + "(" + arg(0) + ")"
		}
		return r.keep(e, e.Args[0])
	case "clear":
		switch argCore(0).(type) {
		case *types.Map:
			return "fire__.MapClear(" + arg(0) + ")"
		case *types.Slice:
			return "fire__.ClearSlice(" + arg(0) + ")"
		}
		r.refuse(e, "clear of a type parameter without a core type")
	case "close":
		return "fire__.Close(" + arg(0) + ")"
	case "delete":
		return "fire__.Map(" + arg(0) + ").Delete(" + arg(1) + ")"
	case "make":
		return r.make(e)
	case "print", "println":
		var list []string
		for i, a := range e.Args {
			text := arg(i)
			if tv := r.types.Types[a]; tv.Value != nil && isBasic(tv.Type, types.IsUntyped) && isBasic(tv.Type, types.IsInteger) {
				text = "fire__.AsInt64(" + text + ")"
			}
			list = append(list, text)
		}
		name := map[string]string{"print": "fire__.Print(", "println": "fire__.Println("}[id.Name]
		return name + strings.Join(list, ", ") + ")"
	case "new":
		if tv := r.types.Types[e.Args[0]]; tv.IsType() {
			return "fire__.Zero[" + r.source(e.Args[0]) + "]()"
		}
		p := r.typeOf(e).Underlying().(*types.Pointer)
		return "fire__.New[" + r.typeText(e, p.Elem()) + "](" + arg(0) + ")"
	}
	return r.keep(e, e.Args...)
}

func (r *rewriter) append(e *ast.CallExpr) string {
	if core(r.typeOf(e)) == nil {
		r.refuse(e, "append to a type parameter without a core type")
	}
	base := r.expr(e.Args[0])
	if r.types.Types[e.Args[0]].IsNil() {
		base = r.typeText(e, r.typeOf(e)) + "(nil)"
	}
	if e.Ellipsis.IsValid() && byteText(r.typeOf(e.Args[1])) {
		return "fire__.AppendString(" + base + ", fire__.TextOf(" + r.expr(e.Args[1]) + "))"
	}
	if e.Ellipsis.IsValid() {
		if isString(r.typeOf(e.Args[1])) {
			return "fire__.AppendString(" + base + ", fire__.AsString(" + r.expr(e.Args[1]) + "))"
		}
		return "fire__.AppendSlice(" + base + ", " + r.expr(e.Args[1]) + ")"
	}
	list := make([]string, 0, len(e.Args))
	for _, a := range e.Args[1:] {
		list = append(list, r.expr(a))
	}
	return "fire__.Slice(" + base + ").Append(" + strings.Join(list, ", ") + ")"
}

func (r *rewriter) make(e *ast.CallExpr) string {
	text := r.source(e.Args[0])
	size := func(i int) string {
		if i >= len(e.Args) {
			return "0"
		}
		return "fire__.Size(" + r.expr(e.Args[i]) + ")"
	}
	switch core(r.typeOf(e)).(type) {
	case *types.Slice:
		if len(e.Args) == 3 {
			return "fire__.MakeSliceCap[" + text + "](" + size(1) + ", " + size(2) + ")"
		}
		return "fire__.MakeSlice[" + text + "](" + size(1) + ")"
	case *types.Map:
		return "fire__.MakeMap[" + text + "](" + size(1) + ")"
	case *types.Chan:
		return "fire__.MakeChan[" + text + "](" + size(1) + ")"
	}
	r.refuse(e, "make of a type parameter without a core type")
	return ""
}
