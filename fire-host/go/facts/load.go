package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// session is the resident state: one loaded program.
type session struct {
	request    request // of the last load
	fset       *token.FileSet
	listed     map[string]*listed // by import path, all of the build
	order      []string           // import paths, dependencies first
	user       map[string]*PackageInfo
	exports    *exportImporter
	sourced    map[string]*PackageInfo            // libraries read from source, for their generic code
	recovering map[string]map[string]bool         // names of functions of libraries that recover
	preparing  map[string][]functionInstance      // of generic functions: what the program that was instrumented last may call
	baseline   map[string][]functionInstance      // of generic functions, by id: what the running program may call
	below      map[*types.Package]map[string]bool // the packages that each is built from
	tested     map[*PackageInfo][]use             // what their tests instantiate, once asked for
	silent     map[string]bool                    // published libraries that were seen to read no stacks
	shapes     map[[sha256.Size]byte]string       // of files that were built, by the digest of their text
	goVersion  string
	goRoot     string
	sizes      types.Sizes
	c          *beyondC                // nil: no package of the user has cgo
	prepared   map[string]*PackageInfo // the program that was instrumented last
	compiled   map[string]*PackageInfo // the program that runs; nil: none does
	// How stacks are read in either: see runtime.go.
	preparedStacks, compiledStacks stacks
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath      string
	Name            string
	Dir             string
	Standard        bool
	Export          string
	GoFiles         []string
	CgoFiles        []string
	SFiles          []string
	TestGoFiles     []string
	XTestGoFiles    []string
	EmbedFiles      []string
	IgnoredGoFiles  []string
	CompiledGoFiles []string
	Imports         []string
	TestImports     []string
	XTestImports    []string
	ImportMap       map[string]string
	ForTest         string
	DepOnly         bool
	Module          *listedModule
	Error           *listedError
	DepsErrors      []*listedError
	Incomplete      bool
}

type listedModule struct {
	Path      string
	Dir       string
	Main      bool
	GoVersion string
	GoMod     string
	Replace   *listedModule
}

type listedError struct {
	Pos string
	Err string
}

// isUser reports whether the package belongs to a main module: its functions are the user's.
func (l *listed) isUser() bool { return !l.Standard && l.Module != nil && l.Module.Main }

const listFields = "ImportPath,Name,Dir,Standard,Export,GoFiles,CgoFiles,SFiles,TestGoFiles,XTestGoFiles,EmbedFiles,IgnoredGoFiles,CompiledGoFiles,Imports,TestImports,XTestImports,ImportMap,ForTest,DepOnly,Module,Error,DepsErrors,Incomplete"

// goList runs `go list` and decodes its stream of packages.
func goList(dir string, args ...string) ([]*listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=" + listFields}, args...)...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runErr := cmd.Run()
	var packages []*listed
	decoder := json.NewDecoder(&out)
	for {
		p := new(listed)
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
	if runErr != nil && len(packages) == 0 {
		return nil, fmt.Errorf("go list: %s", strings.TrimSpace(errs.String()))
	}
	return packages, nil
}

// buildFlags are the flags of every go command about this program.
func (s *session) buildFlags() []string {
	flags := append([]string{}, s.request.Flags...)
	if len(s.request.Tags) > 0 {
		flags = append(flags, "-tags="+strings.Join(s.request.Tags, ","))
	}
	return flags
}

// load reads the whole program: `go list`, export data of libraries, source of the user's packages.
func (s *session) load(r *request, reply map[string]any) error {
	before := *s
	*s = session{request: *r, fset: token.NewFileSet(), user: map[string]*PackageInfo{}, listed: map[string]*listed{}, sourced: map[string]*PackageInfo{},
		baseline: before.baseline, preparing: before.preparing, prepared: before.prepared, compiled: before.compiled,
		preparedStacks: before.preparedStacks, compiledStacks: before.compiledStacks}
	s.sizes = types.SizesFor("gc", runtime.GOARCH)
	patterns := r.Patterns
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	args := append([]string{"-deps"}, s.buildFlags()...)
	if r.Tests {
		args = append(args, "-test")
	}
	packages, err := goList(r.Dir, append(append(args, "--"), patterns...)...)
	if err != nil {
		return err
	}
	var libraries []string
	for _, p := range packages {
		s.listed[p.ImportPath] = p
		s.order = append(s.order, p.ImportPath)
		if !p.isUser() && p.ImportPath != "unsafe" && p.Error == nil {
			libraries = append(libraries, p.ImportPath)
		}
	}
	if !s.keepLibraries(&before, libraries) {
		if err := s.loadExports(libraries); err != nil {
			return err
		}
	}
	diagnostics := []diagnostic{}
	aside := map[string]string{} // packages that are left aside → why
	for _, path := range s.order {
		p := s.listed[path]
		found := []diagnostic{}
		if p.Error != nil && (p.isUser() || !p.DepOnly) {
			found = append(found, listDiagnostic(p.Error, r.Dir))
		} else if !p.isUser() {
			if p.Error != nil {
				aside[path] = p.Error.Err
			}
			continue
		} else if cause := importsAside(p, aside); r.Skip && cause != "" {
			aside[path] = cause
			continue
		} else {
			info := s.check(p)
			s.user[path] = info
			found = info.Errors
		}
		if r.Skip && len(found) > 0 {
			delete(s.user, path)
			aside[path] = fmt.Sprintf("%s:%d: %s", found[0].File, found[0].Line, found[0].Message)
			continue
		}
		diagnostics = append(diagnostics, found...)
	}
	broken := []map[string]string{}
	for _, path := range sortedKeys(aside) {
		if s.listed[path].isUser() {
			broken = append(broken, map[string]string{"package": path, "message": aside[path]})
		}
	}
	reply["broken"] = broken
	reply["packages"] = s.describe()
	reply["diagnostics"] = diagnostics
	reply["go"] = s.goVersion
	reply["watch"] = s.watch()
	return nil
}

// importsAside says why a package cannot be had either: it imports one that is left aside. Empty: it can.
func importsAside(p *listed, aside map[string]string) string {
	for _, path := range p.Imports {
		if to, ok := p.ImportMap[path]; ok {
			path = to
		}
		if why, ok := aside[path]; ok {
			return "it imports " + path + ": " + why
		}
	}
	return ""
}

// keepLibraries takes over what was read of the libraries, if they are the same ones.
func (s *session) keepLibraries(before *session, libraries []string) bool {
	if before.exports == nil || before.request.Dir != s.request.Dir {
		return false
	}
	for _, path := range libraries {
		old, now := before.listed[path], s.listed[path]
		if old == nil || old.Dir != now.Dir || !slices.Equal(old.GoFiles, now.GoFiles) || !slices.Equal(old.CgoFiles, now.CgoFiles) {
			return false
		}
		if _, err := os.Stat(old.Export); err != nil {
			return false
		}
	}
	for path, p := range before.listed {
		if now := s.listed[path]; now == nil && !p.isUser() {
			s.listed[path] = p
		} else if now != nil && !now.isUser() {
			now.Export = p.Export
		}
	}
	s.fset, s.goVersion, s.goRoot, s.sourced = before.fset, before.goVersion, before.goRoot, before.sourced
	s.exports, s.silent, s.shapes = before.exports, before.silent, before.shapes
	s.exports.session = s
	return true
}

// loadExports asks the go tool for compiled export data of the libraries, building what is not cached.
func (s *session) loadExports(libraries []string) error {
	s.exports = newExportImporter(s)
	s.goVersion = runtime.Version()
	env := exec.Command("go", "env", "GOROOT")
	env.Dir = s.request.Dir
	root, err := env.Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	s.goRoot = strings.TrimSpace(string(root))
	if len(libraries) == 0 {
		return nil
	}
	args := append([]string{"-export", "-deps"}, s.buildFlags()...)
	packages, err := goList(s.request.Dir, append(append(args, "--"), libraries...)...)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if have := s.listed[p.ImportPath]; have == nil {
			s.listed[p.ImportPath] = p
		} else if have.Export == "" {
			have.Export = p.Export
		}
	}
	return nil
}

// describe lists the user's packages for the host.
func (s *session) describe() []map[string]any {
	out := []map[string]any{}
	for _, path := range s.order {
		p := s.listed[path]
		if !p.isUser() || s.user[path] == nil {
			continue
		}
		out = append(out, map[string]any{
			"path": p.ImportPath, "name": p.Name, "dir": p.Dir, "files": absolute(p.Dir, p.GoFiles, p.CgoFiles),
			"imports": p.Imports, "module": p.Module.Path, "main": p.Name == "main", "embeds": absolute(p.Dir, p.EmbedFiles),
			"cgo": len(p.CgoFiles) > 0, "tests": len(p.TestGoFiles)+len(p.XTestGoFiles) > 0,
			"test_imports": append(append([]string{}, p.TestImports...), p.XTestImports...), "named": !p.DepOnly,
		})
	}
	return out
}

// watch lists files beside the packages whose change matters to the build.
func (s *session) watch() []string {
	seen := map[string]bool{}
	out := []string{}
	add := func(f string) {
		if f != "" && !seen[f] {
			if _, err := os.Stat(f); err == nil {
				out = append(out, f)
			}
			seen[f] = true
		}
	}
	for _, path := range s.order {
		if m := s.listed[path].Module; m != nil {
			if m.Main {
				add(m.GoMod)
				add(strings.TrimSuffix(m.GoMod, ".mod") + ".sum")
			} else if m.Replace != nil && filepath.IsAbs(m.Replace.Dir) && m.Replace.Path != "" && build.IsLocalImport(m.Replace.Path) {
				add(m.Replace.Dir)
			}
		}
	}
	cmd := exec.Command("go", "env", "GOWORK")
	cmd.Dir = s.request.Dir
	if work, err := cmd.Output(); err == nil {
		if f := strings.TrimSpace(string(work)); f != "" && f != "off" {
			add(f)
			add(f + ".sum")
		}
	}
	return out
}

func absolute(dir string, lists ...[]string) []string {
	out := []string{}
	for _, list := range lists {
		for _, f := range list {
			if !filepath.IsAbs(f) {
				f = filepath.Join(dir, f)
			}
			out = append(out, f)
		}
	}
	return out
}
