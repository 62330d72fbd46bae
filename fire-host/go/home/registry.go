package home

import (
	"reflect"
	"strings"
	"sync"

	"fireagent/wire"
)

// registry is what the running binary holds, by the names that workers ask for.
var registry = struct {
	sync.Mutex
	functions map[string]any
	variables map[string]any
	types     map[string]reflect.Type
	names     map[reflect.Type]string
	anonymous []reflect.Type // types without a name
	indexed   bool
	mainPath  string
	begun     chan struct{}
}{functions: map[string]any{}, variables: map[string]any{}, types: map[string]reflect.Type{}, names: map[reflect.Type]string{}, begun: make(chan struct{})}

// Functions enters functions: an id, the function, and so on. Called by generated code.
func Functions(pairs ...any) { enter(pairs, registry.functions) }

// Variables enters package variables: an id, a pointer to it, and so on. Called by generated code.
func Variables(pairs ...any) { enter(pairs, registry.variables) }

func enter(pairs []any, into map[string]any) {
	registry.Lock()
	defer registry.Unlock()
	for i := 0; i < len(pairs); i += 2 {
		into[pairs[i].(string)] = pairs[i+1]
	}
}

// Types enters declared types: a name, a nil pointer to it, and so on. A type that is not declared has no
// name: it goes by its structure. Called by generated code.
func Types(pairs ...any) {
	registry.Lock()
	defer registry.Unlock()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "" {
			registry.anonymous = append(registry.anonymous, reflect.TypeOf(pairs[i+1]).Elem())
			continue
		}
		enterType(pairs[i].(string), reflect.TypeOf(pairs[i+1]).Elem())
	}
}

func enterType(name string, t reflect.Type) {
	registry.types[name] = t
	registry.names[t] = name
}

// Main notes that the program's own main begins: from now on workers may be linked. Called by generated code.
func Main(path string) {
	registry.Lock()
	registry.mainPath = path
	registry.Unlock()
	beginOnce()
	if held != nil {
		<-held
	}
}

var beginOnce = sync.OnceFunc(func() { close(registry.begun) })

// names implements wire.Namer over the registry.
type names struct{}

func (names) Named(t reflect.Type) (string, bool) {
	registry.Lock()
	defer registry.Unlock()
	name := lockedName(t)
	if _, entered := registry.names[t]; !entered {
		ensureIndex()
		if other := registry.types[name]; other != nil && other != t {
			name += "″" // declared inside a function, where its name hides the package's
		}
	}
	return name, true
}

func lockedName(t reflect.Type) string {
	if name, ok := registry.names[t]; ok {
		return name
	}
	if t.PkgPath() == "unsafe" {
		return "unsafe.Pointer"
	}
	return reflectName(t)
}

// reflectName is how a type that nobody registered calls itself.
func reflectName(t reflect.Type) string {
	path := t.PkgPath()
	name := t.Name()
	if path == "main" && registry.mainPath != "" {
		path = registry.mainPath
	}
	name = strings.ReplaceAll(name, "%2e", ".") // as type arguments spell the last part of a package's path
	if registry.mainPath != "" && strings.Contains(name, "main.") {
		for _, before := range []string{"[", ",", "*", "]", " ", "("} {
			name = strings.ReplaceAll(name, before+"main.", before+registry.mainPath+".")
		}
	}
	return path + "." + name
}

func (names) Lookup(name string) reflect.Type {
	registry.Lock()
	defer registry.Unlock()
	if name == "unsafe.Pointer" {
		return unsafePointer
	}
	if t := registry.types[name]; t != nil {
		return t
	}
	ensureIndex()
	return registry.types[name]
}

// ensureIndex names what has no name in the registry yet, once it is needed.
func ensureIndex() {
	if registry.indexed {
		return
	}
	registry.indexed = true
	indexTypes()
	for _, t := range registry.anonymous {
		registry.types[wire.Name(lockedNames{}, t)] = t
	}
}

// lockedNames is names where the registry is locked already.
type lockedNames struct{ names }

func (lockedNames) Named(t reflect.Type) (string, bool) { return lockedName(t), true }

// Package implements wire.Namer.
func (names) Package(path string) string {
	if path == "main" && registry.mainPath != "" {
		return registry.mainPath
	}
	return path
}

// Path implements wire.Namer.
func (names) Path(name string) string {
	if name == registry.mainPath {
		return "main"
	}
	return name
}

// Makes implements wire.Namer: a new body's types are made here.
func (names) Makes() bool { return true }

// indexTypes names every declared type that can be reached from a registered one: types of packages that the
// user's code does not import itself. Two types of one name (declared in different functions) name neither.
func indexTypes() {
	seen := map[reflect.Type]bool{}
	twice := map[string]bool{}
	var queue []reflect.Type
	for _, t := range registry.types {
		queue = append(queue, t, reflect.PointerTo(t))
	}
	for _, f := range registry.functions {
		queue = append(queue, reflect.TypeOf(f))
	}
	for _, v := range registry.variables {
		queue = append(queue, reflect.TypeOf(v))
	}
	for len(queue) > 0 {
		t := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if t == nil || seen[t] {
			continue
		}
		seen[t] = true
		if t.Kind() == reflect.Interface && t.Name() == "" && t.NumMethod() > 0 {
			registry.anonymous = append(registry.anonymous, t)
		}
		if _, have := registry.names[t]; !have && t.Name() != "" && t.PkgPath() != "" {
			name := reflectName(t)
			if registry.types[name] != nil || twice[name] {
				twice[name] = true
			} else {
				enterType(name, t)
			}
			queue = append(queue, reflect.PointerTo(t))
		}
		queue = append(queue, neighbours(t)...)
	}
}

func neighbours(t reflect.Type) []reflect.Type {
	var out []reflect.Type
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		out = append(out, t.Elem())
	case reflect.Map:
		out = append(out, t.Key(), t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			out = append(out, t.Field(i).Type)
		}
	case reflect.Func:
		for i := range t.NumIn() {
			out = append(out, t.In(i))
		}
		for i := range t.NumOut() {
			out = append(out, t.Out(i))
		}
	}
	if t.Kind() != reflect.Pointer || t.Elem().Name() != "" {
		for i := range t.NumMethod() {
			out = append(out, t.Method(i).Type)
		}
	}
	return out
}

// functionByID finds a function or method. The zero Value: the binary does not hold it.
func functionByID(id string) reflect.Value {
	registry.Lock()
	f, ok := registry.functions[id]
	registry.Unlock()
	if ok {
		return reflect.ValueOf(f)
	}
	typeName, method, pointer := splitMethod(id)
	if method == "" {
		return reflect.Value{}
	}
	t := names{}.Lookup(typeName)
	if t == nil {
		return reflect.Value{}
	}
	if pointer {
		t = reflect.PointerTo(t)
	}
	if t.Kind() == reflect.Interface {
		return reflect.Value{}
	}
	if m, ok := t.MethodByName(method); ok {
		return m.Func
	}
	return reflect.Value{}
}

// splitMethod takes import/path.(*T).M and import/path.T.M apart.
func splitMethod(id string) (typeName, method string, pointer bool) {
	dot := strings.LastIndexByte(id, '.')
	if dot < 0 {
		return "", "", false
	}
	receiver, method := id[:dot], id[dot+1:]
	if open := strings.Index(receiver, ".(*"); open >= 0 && strings.HasSuffix(receiver, ")") {
		return receiver[:open+1] + receiver[open+3:len(receiver)-1], method, true
	}
	slash := strings.LastIndexByte(receiver, '/')
	if bracket := strings.IndexByte(receiver, '['); bracket >= 0 {
		slash = strings.LastIndexByte(receiver[:bracket], '/')
	}
	if strings.IndexByte(receiver[slash+1:], '.') < 0 {
		return "", "", false
	}
	return receiver, method, false
}

// variableByID finds a package variable's address.
func variableByID(id string) reflect.Value {
	registry.Lock()
	defer registry.Unlock()
	return reflect.ValueOf(registry.variables[id])
}
