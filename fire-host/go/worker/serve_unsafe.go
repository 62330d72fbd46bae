package worker

import (
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"unsafe"

	"fireagent/lane"
	"fireagent/wire"
)

func exit(code int) { os.Exit(code) }

// programPath and programName are those of the package that this program is the shadow of, if it is one.
var programPath, programName string

// ServeAs is Serve for a worker whose program is the shadow of a package of this name.
func ServeAs(path, name string) {
	programPath, programName = path, name
	Serve()
}

// Serve is a worker's main function: it hosts the moved bodies until its host or its home is gone.
func Serve() {
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	watchMemory()
	control, err := connect(os.Getenv("FIRE_CONTROL"))
	if err != nil {
		fail("the control socket", err)
	}
	say := func(text string) { control.Write([]byte(text + "\n")) }
	generation := os.Getenv("FIRE_GENERATION")
	say(`{"hello":{"role":"worker","pid":` + strconv.Itoa(os.Getpid()) + `,"version":` + strconv.Itoa(wire.Version) + `,"generation":` + generation + `}}`)
	link, err := lane.Attach(lane.Worker, os.Getenv("FIRE_LINK"))
	if err != nil {
		fail("the link", err)
	}
	say(`{"attached":{"generation":` + generation + `}}`)
	go func() {
		var one [1]byte
		for {
			if _, err := control.Read(one[:]); err != nil {
				exit(0)
			}
		}
	}()
	for {
		l, err := link.Accept()
		if err != nil {
			exit(0)
		}
		go (&context{lane: l}).serve()
	}
}

func fail(what string, err error) {
	os.Stderr.WriteString("fire: a worker cannot reach " + what + ": " + err.Error() + "\n")
	exit(1)
}

func connect(path string) (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "fire control"), nil
}

// serve runs the calls of one lane, one after the other.
func (c *context) serve() {
	debug.SetPanicOnFault(true)
	c.enter()
	ended := false
	defer func() {
		c.leave()
		if !ended {
			// The body ended its goroutine. Home's goroutine ends likewise; the lane goes on with a new one here.
			c.flush()
			if err := c.lane.Send(lane.Frame{Kind: wire.Goexit}); err != nil {
				lost()
			}
			go c.serve()
		}
	}()
	for {
		f, err := c.lane.Recv()
		if err != nil {
			ended = true
			c.lane.Close()
			return
		}
		c.handle(f)
	}
}

// handle runs one call and sends how it ended.
func (c *context) handle(f lane.Frame) {
	c.levels = append(c.levels, level{f.Call, c.crossed, c.ended})
	c.crossed, c.ended = trace{}, nil
	ended := false
	defer func() {
		if !ended && len(c.levels) > 1 {
			c.goexit()
		}
		last := len(c.levels) - 1
		c.crossed, c.ended = c.levels[last].crossed, c.levels[last].ended
		c.levels[last] = level{}
		c.levels = c.levels[:last]
	}()
	var reply []byte
	kind := uint16(wire.Return)
	returned := false
	c.startCache()
	func() {
		defer func() {
			if returned {
				return
			}
			value := recover()
			if value == nil && !panicsWithNil {
				return // Goexit: the call around goes on from here, or serve
			}
			c.flush()
			kind, reply, returned = wire.Panic, c.panicPayload(value), true
		}()
		in := wire.Reader{B: append([]byte(nil), f.Payload...)}
		switch f.Kind {
		case wire.Init:
			reply = c.handshake(&in)
		case wire.Call:
			reply = c.call(&in)
		case wire.CallClosure:
			reply = c.callClosure(&in)
		case wire.Serves:
			here, ids := in.Bool(), map[string]bool{}
			for range in.Count(4) {
				ids[in.Text()] = true
			}
			serves(here, ids)
		case wire.DropClosures:
			for range in.Count(8) {
				closures.drop(in.U64())
			}
		default:
			panic(wire.Malformed("an unknown call"))
		}
		c.cache.commit()
		returned = true
	}()
	ended = true
	if err := c.frame(kind, reply); err != nil {
		lost()
	}
}

// panicsWithNil is set if a panic with nil is recovered as nil in the program, which is of before Go 1.21. It is told from Goexit by
// nothing but that the function that recovers returns.
var panicsWithNil bool

// sendable is what home is told that a body panicked with: fire's own errors have no type there.
func sendable(value any) any {
	switch e := value.(type) {
	case internal:
		return assertionError(e.Error())
	case wire.Malformed:
		return assertionError(e.Error())
	}
	return value
}

// goexit ends home's part of a call within another, whose goroutine is ending: home's deferred functions come before those of the
// call around, and may call this worker.
func (c *context) goexit() {
	c.flush()
	if err := c.lane.Send(lane.Frame{Kind: wire.Goexit}); err != nil {
		lost()
	}
	if c.answer().Kind != wire.AnswerGoexit {
		lost()
	}
}

// panicPayload encodes what a body panicked with, and its stack.
func (c *context) panicPayload(value any) []byte {
	if e, ok := value.(interface{ Addr() uintptr }); ok && e.Addr() >= smallest {
		value = internal("the moved code touched memory that is not its own (address 0x" + strconv.FormatUint(uint64(e.Addr()), 16) + "), " +
			wire.Trace("", "in the worker", c.frames(wire.MostFrames, true, c.innermost())))
	}
	value = sendable(value)
	var w wire.Writer
	before := ""
	if identical(c.crossed.value, value) {
		before = c.crossed.text
	}
	c.crossed = trace{}
	list := c.frames(wire.MostFrames, true, c.innermost())
	c.ended = nil
	text := wire.Trace(before, "in the worker", c.frames(wire.MostFrames, true, c.innermost()))
	c.writeValue(&w, value)
	w.Text(text)
	w.Frames(list)
	return w.B
}

func (c *context) handshake(in *wire.Reader) []byte {
	var w wire.Writer
	no := func(code, subject, text string) []byte {
		w.Text(code)
		w.Text(subject)
		w.Text(text)
		return w.B
	}
	if version := in.U32(); version != wire.Version {
		return no("version", "", "the worker and the running program were built by different versions of fire")
	}
	watched.Store(in.Bool())
	if in.Bool() && !panicsWithNil {
		panicsWithNil = true
		settings, _ := syscall.Getenv("GODEBUG")
		syscall.Setenv("GODEBUG", settings+",panicnil=1") // the runtime looks at once
	}
	for _, v := range variables {
		var q wire.Writer
		if v.born != nil {
			q.Text(v.id)
			q.U32(c.told(typeOf(v.born)).code)
			r := c.roundTrip(wire.BornVariable, q.B)
			*v.p = reference(r.U64())
			continue
		}
		q.Text(v.id)
		r := c.roundTrip(wire.ResolveVariable, q.B)
		if !r.Bool() {
			return no("missing", v.id, "the running program has no variable "+v.id)
		}
		*v.p = reference(r.U64())
	}
	for _, f := range functions.list {
		if !f.required {
			continue
		}
		var q wire.Writer
		q.Text(f.id)
		if r := c.roundTrip(wire.ResolveFunction, q.B); !r.Bool() {
			return no("missing", f.id, "the running program does not contain "+f.id)
		}
	}
	no("", "", "")
	w.U32(uint32(len(hostedList)))
	for _, h := range hostedList {
		w.Text(h.id)
		for _, t := range []reflect.Type{h.instance, h.arguments, h.results} {
			if t == nil {
				w.U32(wire.NoType)
			} else {
				w.U32(c.told(typeOf(t)).code)
			}
		}
		w.U8(h.kind)
		switch h.kind {
		case wire.HostedAdded, wire.HostedAddedDots:
			c.fieldCodes(&w, typeOf(h.arguments))
			c.fieldCodes(&w, typeOf(h.results))
		case wire.HostedInitialiser:
			w.U32(uint32(len(h.begins)))
			for _, id := range h.begins {
				w.Text(id)
			}
		}
	}
	return w.B
}

func (c *context) call(in *wire.Reader) []byte {
	n := int(in.U32())
	if n >= len(hostedList) || hostedList[n].run == nil {
		panic(wire.Malformed("an unknown function"))
	}
	h := &hostedList[n]
	arguments, results := typeOf(h.arguments), typeOf(h.results)
	a, r := newValue(arguments), newValue(results)
	wire.Read(c, in, a, arguments.program)
	h.run(a, r)
	var w wire.Writer
	wire.Write(c, &w, r, results.program)
	return w.B
}

func newValue(t *typ) unsafe.Pointer { return unsafe_New(t.rtype) }

func (c *context) callClosure(in *wire.Reader) []byte {
	f := closures.get(in.U64())
	word := f.word
	if f.t.rtype.NumIn() == 0 && f.t.rtype.NumOut() == 0 {
		(*(*func())(unsafe.Pointer(&word)))()
		return nil
	}
	return c.callReflected(f, word, in)
}

// Go is go f(): a goroutine of home's runs it here.
func Go(f func()) {
	c := current()
	t := c.told(typeFor[func()]())
	w := c.begin()
	w.U64(closures.add(t, *(*unsafe.Pointer)(unsafe.Pointer(&f))))
	w.U32(t.code)
	c.op(wire.Spawn, w)
}

// Goexit is runtime.Goexit.
func Goexit() { runtime.Goexit() }
