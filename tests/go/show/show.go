//conform:native show

// Package show writes down what generated cases compute. It stays at home, so that it sees what the program sees.
package show

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

var (
	out  = bufio.NewWriter(os.Stdout)
	fuel int
)

// spent ends a case that goes on for too long.
type spent struct{}

// fuelOfCase is how many steps a case may take.
const fuelOfCase = 400

// Case runs one case.
func Case(seed int, f func()) {
	fmt.Fprintln(out, "# seed", seed)
	fuel = fuelOfCase
	defer out.Flush()
	defer func() {
		switch p := recover(); p.(type) {
		case nil:
			fmt.Fprintln(out, "# done, fuel", fuel)
		case spent:
			fmt.Fprintln(out, "# spent")
		default:
			fmt.Fprintln(out, "# panic:", Panic(p))
		}
	}()
	f()
}

// Step is taken by every function and loop.
func Step() {
	if fuel--; fuel < 0 {
		panic(spent{})
	}
}

// Panic is a recovered value's text.
func Panic(p any) string {
	if _, ok := p.(spent); ok {
		panic(p)
	}
	if e, ok := p.(runtime.Error); ok {
		return "runtime: " + e.Error()
	}
	return Text(p)
}

// Line writes a line.
func Line(text string) { fmt.Fprintln(out, text) }

// Put writes a value with all that it refers to.
func Put(name string, v any) { fmt.Fprintln(out, name, "=", Text(v)) }

// Text is a value with all that it refers to. Pointers are numbered in the order in which they appear.
func Text(v any) string {
	d := dumper{seen: map[uintptr]int{}}
	d.value(reflect.ValueOf(v), 0)
	return d.b.String()
}

type dumper struct {
	b    strings.Builder
	seen map[uintptr]int
}

// mark writes a reference's number; false: what it refers to has been written.
func (d *dumper) mark(sign string, p uintptr) bool {
	n, ok := d.seen[p]
	if !ok {
		n = len(d.seen) + 1
		d.seen[p] = n
	}
	d.b.WriteString(sign + strconv.Itoa(n))
	return !ok
}

func (d *dumper) value(v reflect.Value, depth int) {
	if depth > 8 {
		d.b.WriteString("...")
		return
	}
	switch v.Kind() {
	case reflect.Invalid:
		d.b.WriteString("nil")
	case reflect.Pointer:
		if v.IsNil() {
			d.b.WriteString("nil")
		} else if d.mark("&", v.Pointer()) {
			d.value(v.Elem(), depth+1)
		}
	case reflect.Interface:
		d.value(v.Elem(), depth+1)
	case reflect.Struct:
		d.b.WriteString(name(v.Type()) + "{")
		for i := range v.NumField() {
			if i > 0 {
				d.b.WriteString(" ")
			}
			d.value(v.Field(i), depth+1)
		}
		d.b.WriteString("}")
	case reflect.Slice:
		if v.IsNil() {
			d.b.WriteString("nil" + name(v.Type()))
			return
		}
		if v.Len() > 0 && v.Type().Elem().Size() > 0 && !d.mark("@", v.Pointer()) {
			d.b.WriteString(":" + strconv.Itoa(v.Len()))
		}
		d.list(v, depth)
	case reflect.Array:
		d.list(v, depth)
	case reflect.Map:
		if v.IsNil() {
			d.b.WriteString("nil" + name(v.Type()))
			return
		}
		if d.mark("#", v.Pointer()) {
			d.entries(v, depth)
		}
	case reflect.Func:
		if v.IsNil() {
			d.b.WriteString("nil")
		}
		d.b.WriteString("func")
	case reflect.Chan:
		if v.IsNil() {
			d.b.WriteString("nil chan")
			return
		}
		d.b.WriteString("chan " + strconv.Itoa(v.Len()) + "/" + strconv.Itoa(v.Cap()))
	case reflect.String:
		d.b.WriteString(name(v.Type()) + strconv.Quote(v.String()))
	default:
		d.b.WriteString(name(v.Type()))
		fmt.Fprint(&d.b, "(", v, ")")
	}
}

func (d *dumper) list(v reflect.Value, depth int) {
	d.b.WriteString("[")
	for i := range v.Len() {
		if i > 0 {
			d.b.WriteString(" ")
		}
		d.value(v.Index(i), depth+1)
	}
	d.b.WriteString("]")
}

// entries writes a map in the order of its keys' texts; pointers are numbered anew in each.
func (d *dumper) entries(v reflect.Value, depth int) {
	var texts []string
	for it := v.MapRange(); it.Next(); {
		one := dumper{seen: map[uintptr]int{}}
		one.value(it.Key(), depth+1)
		one.b.WriteString(":")
		one.value(it.Value(), depth+1)
		texts = append(texts, one.b.String())
	}
	sort.Strings(texts)
	d.b.WriteString("{" + strings.Join(texts, " ") + "}")
}

func name(t reflect.Type) string {
	if t.PkgPath() == "" && t.Kind() != reflect.Struct {
		return t.String()
	}
	return t.String()[strings.LastIndexByte(t.String(), '.')+1:]
}
