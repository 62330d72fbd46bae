package home

import (
	"reflect"
	"strconv"
	"unsafe"

	"fireagent/lane"
	"fireagent/wire"
)

// Functions and package variables that came with an edit: the running binary holds none of them. A function gets an
// entry here that dispatches like those of the binary, so that it is late-bound, can be a value, and can be edited
// again. A variable is made once and stays.

// initialiser is a worker's function that gives born variables their first values.
type initialiser struct {
	begins []string
	target *target
}

// begun are the born variables that have got their first values. Only the host's orders touch it.
var begun = map[string]bool{}

// addedSlot is the dispatch slot of an added function; the first worker that hosts it makes it.
func addedSlot(id string, t *target) (made *Slot, err error) {
	defer func() {
		if e, ok := recover().(error); ok {
			made, err = nil, e
		}
	}()
	if s := slotOf(id); s != nil {
		return s, nil
	}
	real := func(list []*typ) ([]reflect.Type, error) {
		out := make([]reflect.Type, len(list))
		for i, t := range list {
			if t.rtype == nil {
				return nil, missing("type " + t.name)
			}
			out[i] = t.rtype
		}
		return out, nil
	}
	in, err := real(t.parameters)
	if err != nil {
		return nil, err
	}
	out, err := real(t.returns)
	if err != nil {
		return nil, err
	}
	t.carries(in, out)
	s := &Slot{id: id}
	arguments, results := structOf("P", in), structOf("R", out)
	f := reflect.MakeFunc(reflect.FuncOf(in, out, t.variadic), func(list []reflect.Value) []reflect.Value {
		a, r := reflect.New(arguments), reflect.New(results)
		for i, v := range list {
			a.Elem().Field(i).Set(v)
		}
		if !Call(s, a.UnsafePointer(), r.UnsafePointer()) {
			panic(workerDied{shown(s.id), "no generation of it is left"})
		}
		answers := make([]reflect.Value, len(out))
		for i := range answers {
			answers[i] = r.Elem().Field(i)
		}
		return answers
	})
	slots.Lock()
	if slots.byID == nil {
		slots.byID = map[string]*Slot{}
	}
	slots.byID[id] = s
	slots.Unlock()
	Functions(id, f.Interface())
	return s, nil
}

// structOf is the struct that carries values of these types, as generated code writes it.
func structOf(letter string, list []reflect.Type) reflect.Type {
	fields := make([]reflect.StructField, len(list))
	for i, t := range list {
		fields[i] = reflect.StructField{Name: letter + strconv.Itoa(i), Type: t}
	}
	return reflect.StructOf(fields)
}

// bornVariable answers the address of a variable, which is made now if this is the first worker that asks.
func (s *session) bornVariable(r *wire.Reader, w *wire.Writer) {
	id := r.Text()
	t := s.link.real(r.U32())
	registry.Lock()
	v, ok := registry.variables[id]
	if !ok {
		v = reflect.New(t.rtype).Interface()
		registry.variables[id] = v
	}
	registry.Unlock()
	if reflect.TypeOf(v).Elem() != t.rtype {
		panic(missing("variable " + id + " of this type"))
	}
	w.U64(uint64(s.link.variable(reflect.ValueOf(v))))
}

// begin runs the initialisers of variables that have no value yet. What one panics with is the error.
func (l *link) begin() (err error) {
	defer func() {
		if p := recover(); p != nil {
			text := "an initialiser panicked"
			if e, ok := p.(error); ok {
				text = e.Error()
			}
			err = missing("value for a variable that was added: " + text)
		}
	}()
	for _, one := range l.initialisers {
		if begun[one.begins[0]] {
			continue
		}
		s, err := l.acquire("an initialiser")
		if err != nil {
			return err
		}
		var a, r struct{}
		if !s.run(one.target, unsafe.Pointer(&a), unsafe.Pointer(&r)) {
			return lane.ErrClosed
		}
		for _, id := range one.begins {
			begun[id] = true
		}
	}
	return nil
}
