package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// typ is a type as YAML sees it.
type typ struct {
	kind   string // object, array, map, string, boolean, integer
	doc    string
	fields []fieldInfo
	elem   *typ
}

type fieldInfo struct {
	name, doc, def, pattern, ako string
	enum                         []string
	maxLength                    int
	required                     bool
	typ                          *typ
}

// typeSet is the type declarations of a package.
type typeSet map[string]*ast.TypeSpec

// load reads the declarations of the package in dir, test files aside.
func load(dir string) (typeSet, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	set := typeSet{}
	fset := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				ts := s.(*ast.TypeSpec)
				if ts.Doc == nil {
					ts.Doc = g.Doc
				}
				set[ts.Name.Name] = ts
			}
		}
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("no types in %s", dir)
	}
	return set, nil
}

func (s typeSet) resolve(name string) (*typ, error) {
	switch name {
	case "string":
		return &typ{kind: "string"}, nil
	case "bool":
		return &typ{kind: "boolean"}, nil
	case "int", "int32", "int64":
		return &typ{kind: "integer"}, nil
	}
	ts, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("type %s is not of this package", name)
	}
	st, ok := ts.Type.(*ast.StructType)
	if !ok {
		return s.expr(ts.Type)
	}
	out := &typ{kind: "object", doc: text(ts.Doc)}
	for _, f := range st.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			continue
		}
		raw, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.Names[0], err)
		}
		tag := reflect.StructTag(raw)
		key, _, _ := strings.Cut(tag.Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		ft, err := s.expr(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.Names[0], err)
		}
		fi := fieldInfo{
			name: key, doc: sentence(text(f.Doc), f.Names[0].Name, key), typ: ft,
			def: tag.Get("default"), pattern: tag.Get("pattern"), ako: tag.Get("ako"),
			required: tag.Get("required") == "true",
		}
		if fi.doc == "" {
			return nil, fmt.Errorf("%s.%s has no doc comment", name, f.Names[0])
		}
		if e := tag.Get("enum"); e != "" {
			fi.enum = strings.Split(e, "|")
		}
		if m := tag.Get("maxLength"); m != "" {
			if fi.maxLength, err = strconv.Atoi(m); err != nil {
				return nil, fmt.Errorf("%s.%s: maxLength: %w", name, f.Names[0], err)
			}
		}
		out.fields = append(out.fields, fi)
	}
	return out, nil
}

func (s typeSet) expr(e ast.Expr) (*typ, error) {
	switch e := e.(type) {
	case *ast.Ident:
		return s.resolve(e.Name)
	case *ast.ArrayType:
		elem, err := s.expr(e.Elt)
		return &typ{kind: "array", elem: elem}, err
	case *ast.MapType:
		elem, err := s.expr(e.Value)
		return &typ{kind: "map", elem: elem}, err
	}
	return nil, fmt.Errorf("%T has no form in YAML", e)
}

func text(c *ast.CommentGroup) string {
	return strings.Join(strings.Fields(c.Text()), " ")
}

// sentence puts the key of the file in place of the Go name that a doc comment
// begins with.
func sentence(doc, goName, key string) string {
	if rest, ok := strings.CutPrefix(doc, goName+" "); ok {
		return key + " " + rest
	}
	return doc
}
