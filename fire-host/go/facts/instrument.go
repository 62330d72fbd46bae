package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// agentPackage is a package of fire that the home build gets through the overlay.
type agentPackage struct {
	Path  string            `json:"path"`
	Files map[string]string `json:"files"` // name → absolute path of the real file
}

// homeBuild writes the instrumented source of one home build.
type homeBuild struct {
	s       *session
	out     string
	overlay map[string]string
	digests map[string][sha256.Size]byte // of what was put, by target
	texts   map[string]string            // what was put into the user's packages, by target
	files   int
	// exported are the unexported types that packages register which cannot name them, by path.name.
	exported map[string]*types.TypeName
}

// instrument writes the instrumented files below r.Out and answers the overlay file for `go build -overlay`.
// Invariant: no line of the user's source moves, and nothing outside of r.Out is written.
func (s *session) instrument(r *request, reply map[string]any) error {
	if err := os.MkdirAll(r.Out, 0o700); err != nil {
		return err
	}
	s.prepare()
	b := &homeBuild{s: s, out: r.Out, overlay: map[string]string{}, digests: map[string][sha256.Size]byte{}, texts: map[string]string{}, exported: map[string]*types.TypeName{}}
	goroot := s.goRoot
	for _, p := range r.Agent {
		for name, file := range p.Files {
			b.overlay[filepath.Join(goroot, "src", filepath.FromSlash(p.Path), name)] = file
		}
	}
	if err := b.measureNatively(); err != nil {
		return err
	}
	if err := b.readStacks(); err != nil {
		return err
	}
	libraries, err := b.registerLibraries()
	if err != nil {
		return err
	}
	total, movable := 0, 0
	ids := []string{}
	for _, path := range s.userPaths() {
		info := s.user[path]
		list := declared(info)
		total += len(list)
		for _, f := range list {
			ids = append(ids, f.ID)
			if f.Slot >= 0 {
				movable++
			}
		}
		if err := b.instrumentPackage(info, list, libraries); err != nil {
			return err
		}
	}
	for _, path := range s.userPaths() {
		info := s.user[path]
		if text := exports(path, info.Pkg.Name(), b.exported, map[string]bool{}); text != "" {
			if err := b.put(filepath.Join(info.meta.Dir, "zz_fire_exports.go"), text); err != nil {
				return err
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": b.overlay})
	if err != nil {
		return err
	}
	file := filepath.Join(r.Out, "overlay.json")
	if err := writeIfChanged(file, text); err != nil {
		return err
	}
	reply["overlay"] = file
	reply["sources"] = b.sources()
	reply["total"], reply["movable"], reply["ids"] = total, movable, ids
	return nil
}

// writeIfChanged leaves a file alone that already says this, so that build caches keyed by time stay warm.
func writeIfChanged(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && string(old) == string(text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		return err
	}
	return age(name)
}

// age gives a file a time in the past. The go command does not index a directory in which a file is younger than two
// seconds, and up to Go 1.25 it then looks for packages of the standard library on the disk alone, where the overlay's
// are not. Another time at each write tells the index that the text is another.
func age(name string) error {
	then := time.Now().Add(-time.Hour)
	return os.Chtimes(name, then, then)
}

// put writes one replacement file and enters it into the overlay.
func (b *homeBuild) put(target, text string) error {
	b.files++
	name := filepath.Join(b.out, "src", filepath.FromSlash(strings.TrimPrefix(target, "/")))
	b.overlay[target] = name
	b.digests[target], b.texts[target] = sha256.Sum256([]byte(text)), text
	return writeIfChanged(name, []byte(text))
}

func (b *homeBuild) instrumentPackage(info *PackageInfo, list []*function, libraries []string) error {
	edits := map[*ast.File]*splices{}
	at := func(f *function) *splices {
		e := edits[f.File]
		if e == nil {
			e = &splices{text: info.Source[f.File]}
			edits[f.File] = e
		}
		return e
	}
	table := newImportTable(info.Pkg.Path())
	var slow strings.Builder
	for _, f := range list {
		switch {
		case f.Slot >= 0:
			names := nameParameters(info, f, at(f))
			at(f).insert(info.offset(f.Decl.Body.Lbrace)+1, dispatchCheck(f, names))
			slow.WriteString(slowPath(table, f))
		case f.Decl.Name.Name == "main" && f.Decl.Recv == nil && info.name() == "main" && f.Decl.Body != nil:
			at(f).insert(info.offset(f.Decl.Body.Lbrace)+1, " __fire_main();")
		}
	}
	for _, file := range info.Files {
		text := string(info.Source[file])
		if e := edits[file]; e != nil {
			text = e.render(0, len(e.text))
		} else if len(info.meta.CgoFiles) > 0 {
			continue
		}
		// Also what needs no edit: what is compiled is then what was checked, whatever is saved meanwhile.
		if err := b.put(info.Names[file], text); err != nil {
			return err
		}
	}
	if err := b.putTests(info, libraries); err != nil {
		return err
	}
	return b.put(filepath.Join(info.meta.Dir, "zz_fire_register.go"), b.registration(info, list, table, slow.String(), libraries))
}

// generated begins a file of fire's own. The constraint gives it a language version that has type arguments, whatever
// go.mod says: type checkers infer instances for which older modules have no spelling.
const generated = "// Code generated by fire. DO NOT EDIT.\n\n//go:build go1.21\n\n"

// beginTest is the file that does in a test binary what the head of main does in a program. It stands in the
// external test package, because that is initialised after everything that the tests import.
func beginTest(info *PackageInfo, libraries []string) string {
	var text strings.Builder
	name := info.name()
	if name != "main" {
		name += "_test"
	}
	fmt.Fprintf(&text, generated+"package %s\n\nimport __fire_test_home \"fireagent/home\"\n", name)
	if name != "main" {
		fmt.Fprintf(&text, "import _ %q\n", info.Pkg.Path())
		for _, l := range libraries {
			fmt.Fprintf(&text, "import _ %q\n", l)
		}
	}
	text.WriteString("\nfunc init() { __fire_test_home.Main(\"\") }\n")
	return text.String()
}

// offset is the place of a position in its file.
func (info *PackageInfo) offset(p token.Pos) int {
	return info.Fset.PositionFor(p, false).Offset
}

// nameParameters gives every parameter a name that the dispatch check can pass on, and returns the arguments.
func nameParameters(info *PackageInfo, f *function, e *splices) []string {
	var out []string
	n := 0
	fields := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			if len(field.Names) == 0 {
				name := fmt.Sprintf("__fire_p%d", n)
				e.insert(info.offset(field.Type.Pos()), name+" ")
				out, n = append(out, name), n+1
			}
			for _, id := range field.Names {
				name := id.Name
				if name == "_" {
					name = fmt.Sprintf("__fire_p%d", n)
					e.replace(info.offset(id.Pos()), info.offset(id.End()), name)
				}
				out, n = append(out, name), n+1
			}
		}
	}
	fields(f.Decl.Recv)
	for i, id := range receiverParameters(f.Decl) {
		if id.Name == "_" {
			e.replace(info.offset(id.Pos()), info.offset(id.End()), blankParameter(i))
		}
	}
	fields(f.Decl.Type.Params)
	if f.Object.Signature().Variadic() {
		out[len(out)-1] += "..."
	}
	return out
}

// parameterTypes lists the receiver's and the parameters' types.
func parameterTypes(signature *types.Signature) []types.Type {
	var out []types.Type
	if r := signature.Recv(); r != nil {
		out = append(out, r.Type())
	}
	for i := range signature.Params().Len() {
		out = append(out, signature.Params().At(i).Type())
	}
	return out
}

// dispatchCheck is what stands at the head of a body. An instance of a generic function may stay native where the
// worker does not hold it: the slow path tells.
func dispatchCheck(f *function, names []string) string {
	list := typeParameters(f.Object.Signature())
	call := fmt.Sprintf("__fire_%d%s(%s)", f.Slot, argumentList(list), strings.Join(names, ", "))
	results := f.Object.Signature().Results().Len()
	switch {
	case len(list) == 0 && results > 0:
		call = "return " + call
	case len(list) == 0:
		call += "; return"
	case results == 0:
		call = "if " + call + " { return }"
	default:
		returned := make([]string, results)
		for i := range returned {
			returned[i] = fmt.Sprintf("__fire_r%d", i)
		}
		all := strings.Join(returned, ", ")
		call = "if " + all + ", __fire_done := " + call + "; __fire_done { return " + all + " }"
	}
	return fmt.Sprintf(" if __fire[%d].Hot() { %s };", f.Slot, call)
}

// slowPath is the function that a dispatch check calls: parameters by value, so that they do not escape on the fast path.
func slowPath(table *importTable, f *function) string {
	var parameters, arguments, argumentFields, results, resultFields, returned []string
	dots := ""
	signature := f.Object.Signature()
	open := typeParameters(signature)
	signature = namedReceiver(signature)
	list := parameterTypes(signature)
	for i, t := range list {
		text := table.text(t)
		arguments = append(arguments, fmt.Sprintf("__fire_p%d", i))
		argumentFields = append(argumentFields, fmt.Sprintf("P%d %s", i, text))
		if signature.Variadic() && i == len(list)-1 {
			text, dots = "..."+strings.TrimPrefix(text, "[]"), "..."
		}
		parameters = append(parameters, fmt.Sprintf("__fire_p%d %s", i, text))
	}
	again, own := f.Decl.Name.Name, arguments
	if signature.Recv() != nil {
		again, own = arguments[0]+"."+again, arguments[1:]
	}
	again += "(" + strings.Join(own, ", ") + dots + ")"
	if signature.Results().Len() > 0 {
		again = "return " + again
	} else {
		again += "; return"
	}
	for i := range signature.Results().Len() {
		text := table.text(signature.Results().At(i).Type())
		results = append(results, text)
		resultFields = append(resultFields, fmt.Sprintf("R%d %s", i, text))
		returned = append(returned, fmt.Sprintf("__fire_r.R%d", i))
	}
	call := fmt.Sprintf("if !__fire_home.Call(&__fire[%d], __fire_unsafe.Pointer(&__fire_a), __fire_unsafe.Pointer(&__fire_r)) { %s }", f.Slot, again)
	if len(open) > 0 {
		results, returned = append(results, "bool"), append(returned, "__fire_done")
		call = fmt.Sprintf("__fire_done := __fire_home.CallInstance(&__fire[%d], (*%s)(nil), __fire_unsafe.Pointer(&__fire_a), __fire_unsafe.Pointer(&__fire_r))", f.Slot, instanceType(open))
	}
	return fmt.Sprintf(`
//go:noinline
func __fire_%d%s(%s) (%s) {
	__fire_a, __fire_r := struct{ %s }{%s}, struct{ %s }{}
	%s
	return %s
}
`, f.Slot, parameterList(table, typeParameters(signature)), strings.Join(parameters, ", "), strings.Join(results, ", "),
		strings.Join(argumentFields, "; "), strings.Join(arguments, ", "), strings.Join(resultFields, "; "), call, strings.Join(returned, ", "))
}
