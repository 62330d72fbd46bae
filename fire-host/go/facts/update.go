package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// update re-reads the packages of changed files, and those that depend on one whose exported side changed.
func (s *session) update(r *request, reply map[string]any) error {
	dirty := map[string]bool{}
	for _, name := range r.Files {
		if p := s.packageOfFile(name); p != nil && (slices.Contains(p.GoFiles, filepath.Base(name)) || slices.Contains(p.CgoFiles, filepath.Base(name))) && isFile(name) {
			dirty[p.ImportPath] = true
		} else {
			reply["reload"] = true // a file that enters or leaves the build: only a new load can tell
			return nil
		}
	}
	if s.missingImport(r.Files) {
		// The new import may need export data that was never asked for.
		if err := s.load(&s.request, reply); err != nil {
			return err
		}
		reply["reloaded"] = true
		return nil
	}
	for _, path := range s.userPaths() {
		old := s.user[path]
		if !dirty[path] && !s.importsChanged(old, dirty) {
			continue
		}
		info := s.check(old.meta)
		s.user[path] = info
		if info.export != old.export || s.importsChanged(old, dirty) {
			dirty[path] = true
		} else {
			delete(dirty, path)
		}
	}
	// A package that was broken before and has not been mended is as much in the way as one that was broken now.
	diagnostics := []diagnostic{}
	for _, path := range s.userPaths() {
		diagnostics = append(diagnostics, s.user[path].Errors...)
	}
	// Objects of a re-read package are new ones: whoever imports it must not mix them with the old.
	reply["diagnostics"] = diagnostics
	return nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (s *session) importsChanged(info *PackageInfo, dirty map[string]bool) bool {
	for _, path := range info.meta.Imports {
		if to, ok := info.meta.ImportMap[path]; ok {
			path = to
		}
		if dirty[path] {
			return true
		}
	}
	return false
}

// missingImport reports whether a changed file imports a package that the program has not had.
func (s *session) missingImport(files []string) bool {
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			continue
		}
		p := s.packageOfFile(filepath.Clean(name))
		for _, spec := range file.Imports {
			if path := importPath(spec); path != "C" && path != "unsafe" {
				if to, ok := p.ImportMap[path]; ok {
					path = to
				}
				if s.listed[path] == nil {
					return true
				}
			}
		}
	}
	return false
}

func importPath(spec *ast.ImportSpec) string {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	return path
}

// uses answers which functions of the user name each of the given ones.
func (s *session) uses(r *request, reply map[string]any) error {
	out := map[string][]string{}
	for _, path := range s.userPaths() {
		for _, f := range declared(s.user[path]) {
			for _, used := range s.usedFunctions(f) {
				for _, subject := range r.Subjects {
					if used == subject && f.ID != subject {
						out[subject] = append(out[subject], f.ID)
					}
				}
			}
		}
	}
	reply["uses"] = out
	return nil
}
