package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
)

// A file with dot imports is read as if it were written with qualified names: whatever copies the user's text into
// another file can then copy it as it is. Lines stay where they are.

// qualified gives the files of a checked package that have dot imports another text. False: there are none.
func (info *PackageInfo) qualified() bool {
	found := false
	for i, file := range info.Files {
		text, ok := info.qualify(file)
		if !ok {
			continue
		}
		again, err := parser.ParseFile(info.Fset, info.Names[file], text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		info.Source[again], info.Names[again] = []byte(text), info.Names[file]
		delete(info.Source, file)
		delete(info.Names, file)
		info.Files[i] = again
		found = true
	}
	return found
}

func (info *PackageInfo) qualify(file *ast.File) (string, bool) {
	s := splices{text: info.Source[file]}
	names := map[string]string{} // path → the name that takes the dot's place
	for i, spec := range file.Imports {
		if spec.Name == nil || spec.Name.Name != "." {
			continue
		}
		imported, ok := info.Info.Implicits[spec].(*types.PkgName)
		if !ok {
			imported, ok = info.Info.Defs[spec.Name].(*types.PkgName)
		}
		if !ok {
			return "", false
		}
		name := fmt.Sprintf("fire__dot%d", i)
		names[imported.Imported().Path()] = name
		s.replace(info.offset(spec.Name.Pos()), info.offset(spec.Name.End()), name)
	}
	if len(names) == 0 {
		return "", false
	}
	selected := map[*ast.Ident]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if x, ok := n.(*ast.SelectorExpr); ok {
			selected[x.Sel] = true
		}
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || selected[id] {
			return true
		}
		o := info.Info.Uses[id]
		if o == nil || o.Pkg() == nil || o.Parent() != o.Pkg().Scope() {
			return true
		}
		if name := names[o.Pkg().Path()]; name != "" && o.Pkg() != info.Pkg {
			s.insert(info.offset(id.Pos()), name+".")
		}
		return true
	})
	return s.render(0, len(s.text)), true
}

// checkAgain type-checks files that have another text than before.
func (info *PackageInfo) checkAgain(config *types.Config, path string, fset *token.FileSet) {
	info.Info = newInfo()
	info.Pkg, _ = config.Check(path, fset, info.Files, info.Info)
}
