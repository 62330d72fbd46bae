package home

import (
	"reflect"
	"sync"
	"unsafe"

	"fireagent/wire"
)

// instances are what a worker hosts of a generic function. An instance goes by a function type that its type arguments
// make, and on the wire by the name of that.
type instances struct {
	byName   map[string]*target // whole once the worker is linked
	byType   sync.Map           // reflect.Type → *target, as they are asked for
	baseline bool               // the worker runs this process's own source: what it lacks may run natively
}

func newInstances() *instances { return &instances{byName: map[string]*target{}} }

// find is the target of an instance. Nil: the worker does not host it.
func (all *instances) find(instance reflect.Type) *target {
	if t, ok := all.byType.Load(instance); ok {
		return t.(*target)
	}
	t := all.byName[wire.Name(names{}, instance)]
	all.byType.Store(instance, t)
	return t
}

// CallInstance is Call for an instance of a generic function: key is a pointer to a function type that its type
// arguments make. False: it runs natively. Called by generated code.
func CallInstance(s *Slot, key any, a, r unsafe.Pointer) bool {
	return s.call(reflect.TypeOf(key).Elem(), a, r)
}

// unhosted is the panic of a call of an instance that an edited generic function's worker was built without: to run the
// baseline would be to run what the user has changed.
type unhosted struct {
	function string
	instance reflect.Type
}

func (u unhosted) Error() string {
	return "fire: the worker running " + u.function + " was built without its instance for " + u.instance.String()
}
