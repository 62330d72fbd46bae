package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
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
	files   int
}

// instrument writes the instrumented files below r.Out and answers the overlay file for `go build -overlay`.
// Invariant: no line of the user's source moves, and nothing outside of r.Out is written.
func (s *session) instrument(r *request, reply map[string]any) error {
	if err := os.MkdirAll(r.Out, 0o700); err != nil {
		return err
	}
	b := &homeBuild{s: s, out: r.Out, overlay: map[string]string{}}
	goroot := s.goRoot
	for _, p := range r.Agent {
		for name, file := range p.Files {
			b.overlay[filepath.Join(goroot, "src", filepath.FromSlash(p.Path), name)] = file
		}
	}
	libraries, err := b.registerLibraries()
	if err != nil {
		return err
	}
	total, movable := 0, 0
	for _, path := range s.userPaths() {
		info := s.user[path]
		if len(info.meta.CgoFiles) > 0 {
			// The cgo command reads these files itself, past the overlay's line directives: they stay native.
			continue
		}
		list := declared(info)
		total += len(list)
		for _, f := range list {
			if f.Slot >= 0 {
				movable++
			}
		}
		if err := b.instrumentPackage(info, list, libraries); err != nil {
			return err
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
	reply["total"], reply["movable"] = total, movable
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
	return os.WriteFile(name, text, 0o600)
}

// put writes one replacement file and enters it into the overlay.
func (b *homeBuild) put(target, text string) error {
	b.files++
	name := filepath.Join(b.out, "src", filepath.FromSlash(strings.TrimPrefix(target, "/")))
	b.overlay[target] = name
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
			call := fmt.Sprintf("__fire_%d(%s)", f.Slot, strings.Join(names, ", "))
			if f.Object.Signature().Results().Len() > 0 {
				call = "return " + call
			} else {
				call += "; return"
			}
			at(f).insert(info.offset(f.Decl.Body.Lbrace)+1, fmt.Sprintf(" if __fire[%d].Hot() { %s };", f.Slot, call))
			slow.WriteString(slowPath(table, f))
		case f.Decl.Name.Name == "main" && f.Decl.Recv == nil && info.Pkg.Name() == "main" && f.Decl.Body != nil:
			at(f).insert(info.offset(f.Decl.Body.Lbrace)+1, " __fire_main();")
		}
	}
	for file, e := range edits {
		if err := b.put(info.Names[file], e.render(0, len(e.text))); err != nil {
			return err
		}
	}
	return b.put(filepath.Join(info.meta.Dir, "zz_fire_register.go"), b.registration(info, list, table, slow.String(), libraries))
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

// slowPath is the function that a dispatch check calls: parameters by value, so that they do not escape on the fast path.
func slowPath(table *importTable, f *function) string {
	var parameters, arguments, argumentFields, results, resultFields, returned []string
	signature := f.Object.Signature()
	list := parameterTypes(signature)
	for i, t := range list {
		text := table.text(t)
		arguments = append(arguments, fmt.Sprintf("p%d", i))
		argumentFields = append(argumentFields, fmt.Sprintf("P%d %s", i, text))
		if signature.Variadic() && i == len(list)-1 {
			text = "..." + strings.TrimPrefix(text, "[]")
		}
		parameters = append(parameters, fmt.Sprintf("p%d %s", i, text))
	}
	for i := range signature.Results().Len() {
		text := table.text(signature.Results().At(i).Type())
		results = append(results, text)
		resultFields = append(resultFields, fmt.Sprintf("R%d %s", i, text))
		returned = append(returned, fmt.Sprintf("r.R%d", i))
	}
	return fmt.Sprintf(`
//go:noinline
func __fire_%d(%s) (%s) {
	a := struct{ %s }{%s}
	var r struct{ %s }
	__fire_home.Call(&__fire[%d], &a, &r)
	return %s
}
`, f.Slot, strings.Join(parameters, ", "), strings.Join(results, ", "),
		strings.Join(argumentFields, "; "), strings.Join(arguments, ", "), strings.Join(resultFields, "; "), f.Slot, strings.Join(returned, ", "))
}
