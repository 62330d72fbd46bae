package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/types"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// shadowPackage is one package of a worker, as the host compiles it.
type shadowPackage struct {
	Path    string            `json:"path"`
	Files   []string          `json:"files"`
	Imports map[string]string `json:"imports"` // as written in the source → as compiled
	Lang    string            `json:"lang"`
	Hash    string            `json:"hash"` // of the text and of the shadows it imports
}

const shadowPrefix = "fire.shadow/"

// shadow answers the worker's source for some functions of the user.
func (s *session) shadow(r *request, reply map[string]any) (err error) {
	e := newEmitter(s)
	defer func() {
		if p := recover(); p != nil {
			thrown, ok := p.(refusal)
			if !ok || len(r.Functions) == 0 {
				panic(p)
			}
			// What all of them lead to cannot be had; which of them it is cannot be told.
			reply["refused"] = map[string]any{"function": r.Functions[0], "code": thrown.code, "detail": thrown.detail}
		}
	}()
	skipped := []map[string]any{}
	for _, id := range r.Functions {
		f := s.findFunction(id)
		if f == nil {
			return fmt.Errorf("no function %s", id)
		}
		code, detail := f.Reason, f.Detail
		if code == "" {
			code, detail = e.hostEntry(f, r.Skip)
		}
		if code == "" {
			continue
		}
		refused := map[string]any{"function": id, "code": code, "detail": detail}
		if !r.Skip {
			reply["refused"] = refused
			return nil
		}
		skipped = append(skipped, refused)
	}
	packages, err := e.write(r.Out)
	if err != nil {
		return err
	}
	reply["packages"] = packages
	reply["contains"] = sortedKeys(e.contains)
	reply["skipped"] = skipped
	reply["beyond"] = e.beyond()
	reply["born"] = e.born()
	reply["needs"] = e.needs
	return nil
}

// hostEntry hosts a function that home calls: all of its instances, or those that can be had if some will do. If that
// fails, nothing of it stays behind.
func (e *emitter) hostEntry(f *function, some bool) (code, detail string) {
	e.entry = f.ID
	if e.s.isAlong(f.Object) {
		return reasonAdded, "it is generic and new: whoever calls it brings it along"
	}
	kept := len(e.bodies)
	refused := e.hostSafely(f)
	if refused == nil {
		refused = e.hostInstances(f, some)
	}
	if refused == nil {
		return "", ""
	}
	e.bodies = e.bodies[:kept]
	e.hosting = map[string]bool{}
	for _, b := range e.bodies {
		if b.as == asItself {
			e.hosting[b.id] = true
		}
	}
	detail = refused.detail
	if refused.pos.IsValid() {
		detail += fmt.Sprintf(" (line %d)", e.s.fset.Position(refused.pos).Line)
	}
	return refused.code, detail
}

// hostSafely is host; a defect of the rewriter is this function's refusal and nobody else's.
func (e *emitter) hostSafely(f *function) (refused *refusal) {
	defer func() {
		if p := recover(); p != nil {
			refused = &refusal{reasonConstruct, fmt.Sprintf("fire's rewriter fails on it: %v", p), f.Decl.Pos()}
		}
	}()
	return e.host(f.Info, f.File, f.Decl, asEntry)
}

// tryMove reports what the rewriter has against a function.
func (s *session) tryMove(f *function) (code, detail string) {
	return newEmitter(s).hostEntry(f, false)
}

// write renders every shadow package and the worker's main package, dependencies first.
func (e *emitter) write(out string) ([]*shadowPackage, error) {
	e.close()
	for _, key := range sortedKeys(e.instances) {
		if i := e.instances[key]; types.IsInterface(i.t) {
			e.scanned = i.in
			e.proxy(i.t)
			e.close()
		}
	}
	for key, p := range e.interfaces {
		if p.owner == "" && len(e.bodies) > 0 {
			p.owner = e.bodies[0].path
			e.interfaces[key] = p
		}
	}
	last := e.lastWords()
	paths := map[string]bool{}
	for key := range e.named {
		paths[e.named[key].Pkg().Path()] = true
	}
	for _, f := range e.functions {
		paths[f.Pkg().Path()] = true
	}
	for _, v := range e.variables {
		paths[v.Pkg().Path()] = true
	}
	for _, c := range e.constants {
		paths[c.Pkg().Path()] = true
	}
	for _, b := range e.bodies {
		paths[b.path] = true
	}
	texts := map[string]*rendered{}
	for path := range paths {
		texts[path] = e.render(path)
	}
	order, err := dependencyOrder(texts)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(out); err != nil {
		return nil, err
	}
	var packages []*shadowPackage
	hashes := map[string]string{}
	program := ""
	if last.init.Len() == 0 {
		program = e.program(order)
	}
	for _, path := range order {
		if path == program {
			e.makeProgram(texts[path], path, order)
		}
		p, err := e.writePackage(out, path, texts[path], hashes)
		if err != nil {
			return nil, err
		}
		if path == program {
			p.Path = "main"
			return append(packages, p), nil
		}
		packages = append(packages, p)
	}
	return append(packages, mainPackage(out, order, hashes, last)), nil
}

// program is the shadow package that can be the worker's program itself, which spares a compilation: the one that
// holds all bodies, if nothing imports it. Empty: the program is a package of its own.
func (e *emitter) program(order []string) string {
	if len(order) == 0 {
		return ""
	}
	last := order[len(order)-1]
	for _, b := range e.bodies {
		if b.path != last {
			return ""
		}
	}
	if e.functions[last+".main"] != nil || e.named[last+".main"] != nil || e.constants[last+".main"] != nil {
		return ""
	}
	return last
}

// makeProgram turns a shadow package into the worker's program.
func (e *emitter) makeProgram(text *rendered, path string, order []string) {
	for name, source := range text.files {
		source, found := strings.CutPrefix(source, declarationsLine)
		_, rest, _ := strings.Cut(source, "\n")
		text.files[name] = "package main\n" + rest
		if found {
			text.files[name] = declarationsLine + text.files[name]
		}
	}
	var b strings.Builder
	b.WriteString("package main\n\nimport fire__ \"fireagent/worker\"\n")
	for _, other := range order {
		if other != path {
			fmt.Fprintf(&b, "import _ %q\n", other)
			text.imports[other] = true
		}
	}
	fmt.Fprintf(&b, "\nfunc main() { fire__.ServeAs(%q, %q) }\n", path, e.packageAt(path).Name())
	text.files["main.go"] = b.String()
}

// declarationsLine gives functions that only lead on a file by which their frames are known: wire.Declarations.
const declarationsLine = "//line /fire.declarations:1\n"

// rendered is the text of one shadow package.
type rendered struct {
	files   map[string]string
	imports map[string]bool // source paths
}

func (e *emitter) render(path string) *rendered {
	pkg := e.packageAt(path)
	d := &declarations{e: e, pkg: pkg, table: newImportTable(path)}
	inPackage := func(p *types.Package) bool { return p != nil && p.Path() == path }
	for _, key := range sortedKeys(e.named) {
		if o := e.named[key]; inPackage(o.Pkg()) {
			d.typeDeclaration(o)
		}
	}
	for _, key := range sortedKeys(e.constants) {
		if c := e.constants[key]; inPackage(c.Pkg()) {
			d.constant(c)
		}
	}
	for _, key := range sortedKeys(e.variables) {
		if v := e.variables[key]; inPackage(v.Pkg()) {
			d.variable(v)
		}
	}
	for _, key := range sortedKeys(e.accessors) {
		if a := e.accessors[key]; inPackage(a.owner.Pkg()) {
			d.accessor(a)
		}
	}
	for _, id := range sortedKeys(e.functions) {
		if f := e.functions[id]; inPackage(f.Pkg()) && !e.along(id) {
			d.stub(id, f)
		}
	}
	for _, key := range sortedKeys(e.interfaces) {
		if p := e.interfaces[key]; p.owner == path {
			d.proxy(p.t)
		}
	}
	for _, key := range sortedKeys(e.instances) {
		if i := e.instances[key]; inPackage(i.in) && e.s.written(i.t, i.in) {
			text := d.table.text(i.t)
			fmt.Fprintf(&d.init, "\tfire__.Type(%q, (*%s)(nil))\n", key, text)
			d.hazards(i.t, text)
		}
	}
	for _, id := range sortedKeys(e.valued) {
		if f := e.valued[id]; inPackage(f.Pkg()) && !e.along(id) {
			fmt.Fprintf(&d.init, "\tfire__.FunctionValue(%q, %s)\n", e.s.wireID(f), f.Name())
		}
	}
	for _, b := range e.bodies {
		f := b.entry // home may hold it as a value
		if f != nil && b.path == path && e.functions[b.id] != nil && e.valued[b.id] == nil && !e.along(b.id) &&
			f.Signature().Recv() == nil && len(typeParameters(f.Signature())) == 0 {
			fmt.Fprintf(&d.init, "\tfire__.FunctionValue(%q, %s)\n", e.s.wireID(f), f.Name())
		}
	}
	out := &rendered{files: map[string]string{}, imports: map[string]bool{}}
	name := pkg.Name()
	if name == "main" {
		name = "main_"
	}
	for i, b := range e.bodies {
		if b.path != path {
			continue
		}
		if b.entry != nil && len(typeParameters(b.entry.Signature())) > 0 {
			d.genericEntry(b)
		} else if b.entry != nil {
			d.entry(b)
		}
		out.files[fmt.Sprintf("body_%d.go", i)] = fmt.Sprintf("package %s\n\n%s\n\nvar _ = fire__.Used\n\n%s", name, strings.Join(b.imports, "\n"), b.text)
		d.init.WriteString(b.frames())
		for _, line := range b.imports {
			out.imports[strings.Trim(line[strings.LastIndexByte(line, ' ')+1:], `"`)] = true
		}
	}
	d.initialise()
	body := d.text.String()
	if d.init.Len() > 0 {
		body += "\nfunc init() {\n" + d.init.String() + "}\n"
	}
	if text := exports(path, name, e.exported, out.imports); text != "" {
		out.files["exports.go"] = text
	}
	out.files["declare.go"] = fmt.Sprintf(declarationsLine+"package %s\n\nimport fire__ \"fireagent/worker\"\n%s\nvar _ = fire__.Used\n\n%s", name, d.table.lines(), body)
	out.imports["fireagent/worker"] = true
	for p := range d.table.aliases {
		out.imports[p] = true
	}
	return out
}

func (e *emitter) packageAt(path string) *types.Package {
	if info := e.s.user[path]; info != nil {
		return info.Pkg
	}
	if info := e.s.sourced[path]; info != nil {
		return info.Pkg
	}
	pkg, err := e.s.Import(path)
	if err != nil {
		panic(refusal{reasonConstruct, "it needs package " + path + ", which cannot be read", 0})
	}
	return pkg
}

// compiledPath is the path that an import of a shadow's source is compiled under.
func compiledPath(path string) string {
	switch {
	case path == "unsafe" || path == "fireagent/worker":
		return path
	case strings.HasPrefix(path, "fire.real/"):
		return strings.TrimPrefix(path, "fire.real/")
	}
	return shadowPrefix + path
}

// dependencyOrder sorts packages so that each comes after those it imports.
func dependencyOrder(texts map[string]*rendered) ([]string, error) {
	var order []string
	state := map[string]int{}
	var visit func(path string) error
	visit = func(path string) error {
		if state[path] == 2 || texts[path] == nil {
			return nil
		}
		if state[path] == 1 {
			return fmt.Errorf("shadow packages import each other through %s", path)
		}
		state[path] = 1
		for _, next := range sortedKeys(texts[path].imports) {
			if strings.HasPrefix(compiledPath(next), shadowPrefix) {
				if err := visit(next); err != nil {
					return err
				}
			}
		}
		state[path] = 2
		order = append(order, path)
		return nil
	}
	for _, path := range sortedKeys(texts) {
		if err := visit(path); err != nil {
			return nil, err
		}
	}
	return order, nil
}

func (e *emitter) writePackage(out, path string, text *rendered, hashes map[string]string) (*shadowPackage, error) {
	p := &shadowPackage{Path: shadowPrefix + path, Imports: map[string]string{}}
	if l := e.s.listed[path]; l != nil && l.Module != nil && l.Module.GoVersion != "" {
		p.Lang = l.Module.GoVersion
		if compareVersions(p.Lang, "1.21") < 0 {
			p.Lang = "1.21"
		}
	}
	hash := sha256.New()
	fmt.Fprintln(hash, p.Path, p.Lang)
	dir := filepath.Join(out, filepath.FromSlash(path))
	for _, name := range sortedKeys(text.files) {
		fmt.Fprintln(hash, name, text.files[name])
		file := filepath.Join(dir, name)
		if err := writeIfChanged(file, []byte(text.files[name])); err != nil {
			return nil, err
		}
		p.Files = append(p.Files, file)
	}
	for _, source := range sortedKeys(text.imports) {
		if source == "unsafe" {
			continue
		}
		p.Imports[source] = compiledPath(source)
		fmt.Fprintln(hash, source, hashes[source])
	}
	p.Hash = hex.EncodeToString(hash.Sum(nil))
	hashes[path] = p.Hash
	return p, nil
}

// mainPackage is the worker's program.
func mainPackage(out string, order []string, hashes map[string]string, last *declarations) *shadowPackage {
	p := &shadowPackage{Path: "main", Imports: map[string]string{"fireagent/worker": "fireagent/worker"}}
	var b strings.Builder
	b.WriteString(declarationsLine + "package main\n\nimport fire__ \"fireagent/worker\"\n")
	sorted := append([]string(nil), order...)
	sort.Strings(sorted)
	hash := sha256.New()
	for _, path := range sorted {
		fmt.Fprintf(&b, "import _ %q\n", shadowPrefix+path)
		p.Imports[shadowPrefix+path] = shadowPrefix + path
		fmt.Fprintln(hash, path, hashes[path])
	}
	b.WriteString(last.table.lines())
	for path := range last.table.aliases {
		p.Imports[path] = shadowPrefix + path
	}
	if last.init.Len() > 0 {
		fmt.Fprintf(&b, "\n%s\nfunc init() {\n%s}\n", last.text.String(), last.init.String())
		fmt.Fprintln(hash, b.String())
	}
	b.WriteString("\nfunc main() { fire__.Serve() }\n")
	file := filepath.Join(out, "worker.go")
	if err := writeIfChanged(file, []byte(b.String())); err != nil {
		panic(err)
	}
	p.Files = []string{file}
	p.Hash = hex.EncodeToString(hash.Sum(nil))
	return p
}
