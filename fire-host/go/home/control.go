package home

import (
	"bufio"
	"encoding/json"
	"os"
	"sync"
	"syscall"
	"time"

	"fireagent/wire"
)

// message is one line on the control socket; exactly one field is set. See ARCHITECTURE.md, "Control".
type message struct {
	Hello     *hello        `json:"hello,omitempty"`
	Begun     bool          `json:"begun,omitempty"`
	Release   bool          `json:"release,omitempty"`
	Link      *linkRequest  `json:"link,omitempty"`
	Linked    *generation   `json:"linked,omitempty"`
	Refused   *refused      `json:"refused,omitempty"`
	Commit    *commit       `json:"commit,omitempty"`
	Committed *committed    `json:"committed,omitempty"`
	Drained   *generation   `json:"drained,omitempty"`
	Close     *closeRequest `json:"close,omitempty"`
	Look      *look         `json:"look,omitempty"`
	Seen      *seen         `json:"seen,omitempty"`
}

type hello struct {
	Role    string `json:"role"`
	Pid     int    `json:"pid"`
	Version int    `json:"version"`
}

type generation struct {
	Generation uint64 `json:"generation"`
}

type linkRequest struct {
	Generation uint64 `json:"generation"`
	Descriptor string `json:"descriptor"`
}

type refused struct {
	Generation uint64 `json:"generation"`
	Code       string `json:"code"`
	Subject    string `json:"subject"`
	Message    string `json:"message"`
}

// commit makes new calls of some functions go to other generations, and those of others run natively again: all at once.
type commit struct {
	ID         uint64   `json:"id"`
	Moves      []move   `json:"moves"`
	Reverted   []string `json:"reverted"`
	Superseded []uint64 `json:"superseded"` // generations that have no function any more
}

type move struct {
	Generation uint64   `json:"generation"`
	Functions  []string `json:"functions"`
	Baseline   bool     `json:"baseline"` // the worker was built from the source of this process
}

type committed struct {
	ID uint64 `json:"id"`
}

type closeRequest struct {
	Generation uint64 `json:"generation"`
	Cause      string `json:"cause"`
}

// control is home's end of the line to the host.
type control struct {
	out   *os.File
	write sync.Mutex
	mu    sync.Mutex // of links
	links map[uint64]*link
}

func init() {
	path := os.Getenv("FIRE_CONTROL")
	if path == "" {
		return
	}
	// Programs that the app starts are not fire's.
	os.Unsetenv("FIRE_CONTROL")
	hold := os.Getenv("FIRE_HOLD") != ""
	os.Unsetenv("FIRE_HOLD")
	if file := os.Getenv("FIRE_COUNT"); file != "" {
		os.Unsetenv("FIRE_COUNT")
		countIn(file)
	}
	c, err := dial(path)
	if err != nil {
		return // the host is gone or this is a copy of the program that outlived it: run natively
	}
	if hold {
		held = make(chan struct{})
	}
	go c.serve()
}

// held is closed when main may go on: initial workers are launched before it. Nil: main does not wait.
var held chan struct{}

var release = sync.OnceFunc(func() {
	if held != nil {
		close(held)
	}
})

func dial(path string) (*control, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return &control{out: os.NewFile(uintptr(fd), "fire control"), links: map[uint64]*link{}}, nil
}

func (c *control) send(m message) {
	text, err := json.Marshal(m)
	if err != nil {
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	c.out.Write(append(text, '\n'))
}

// serve follows the host's orders. When the host is gone, this process ends: nobody else would end it.
func (c *control) serve() {
	c.send(message{Hello: &hello{"home", os.Getpid(), wire.Version}})
	go func() {
		<-registry.begun
		c.send(message{Begun: true})
	}()
	orders := make(chan message, 64)
	go c.follow(orders)
	in := bufio.NewReader(c.out)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			os.Exit(1)
		}
		var m message
		if json.Unmarshal(line, &m) != nil {
			continue
		}
		switch {
		case m.Release:
			release()
		case m.Look != nil:
			c.send(message{Seen: c.look(*m.Look)})
		case m.Close != nil:
			// At once: an order that is under way may be waiting for this worker, and calls wait for the cause.
			c.mu.Lock()
			l := c.links[m.Close.Generation]
			delete(c.links, m.Close.Generation)
			c.mu.Unlock()
			if l != nil {
				l.close(m.Close.Cause)
			}
		default:
			orders <- m
		}
	}
}

// follow carries out, one after the other, the orders that may wait for a worker.
func (c *control) follow(orders <-chan message) {
	for m := range orders {
		switch {
		case m.Link != nil:
			c.link(*m.Link)
		case m.Commit != nil:
			c.commit(*m.Commit)
		}
	}
}

// linkOf is the link to a generation; nil if there is none any more.
func (c *control) linkOf(generation uint64) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.links[generation]
}

func (c *control) link(r linkRequest) {
	l, err := openLink(r.Generation, r.Descriptor)
	if err != nil {
		c.send(message{Refused: &refused{r.Generation, "link", "", err.Error()}})
		return
	}
	if no := l.handshake(); no != nil {
		no.Generation = r.Generation
		l.close("refused")
		c.send(message{Refused: no})
		return
	}
	c.mu.Lock()
	c.links[r.Generation] = l
	c.mu.Unlock()
	c.send(message{Linked: &generation{r.Generation}})
}

// handshake is shake on a goroutine of its own: a worker must not be able to end the one that follows the host's orders.
func (l *link) handshake() *refused {
	answer := &refused{Code: "link", Message: "the handshake ended early"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		answer = l.shake()
	}()
	<-done
	return answer
}

// shake asks the worker what it hosts; meanwhile the worker looks up what it needs.
func (l *link) shake() (no *refused) {
	s, err := l.acquire("the handshake")
	if err != nil {
		return &refused{Code: "link", Message: err.Error()}
	}
	defer func() {
		if p := recover(); p != nil {
			text := "the handshake failed"
			if e, ok := p.(error); ok {
				text = e.Error()
			}
			no = &refused{Code: "link", Message: text}
		}
	}()
	var w wire.Writer
	w.U32(wire.Version)
	w.Bool(watched)
	w.Bool(panicsWithNil())
	s.send(wire.Init, w.B)
	in := wire.Reader{B: s.serve()}
	code, subject, text := in.Text(), in.Text(), in.Text()
	if code != "" {
		s.finish()
		return &refused{Code: code, Subject: subject, Message: text}
	}
	for i := range in.Count(17) {
		id, instance, arguments, results := in.Text(), in.U32(), in.U32(), in.U32()
		kind := in.U8()
		if arguments == wire.NoType {
			l.hosted[id] = &target{link: l, instances: newInstances()}
			continue
		}
		t := &target{link: l, number: uint32(i), arguments: l.typeOf(arguments), results: l.typeOf(results)}
		t.given, t.taken = l.viewOf(t.arguments), l.viewOf(t.results)
		switch kind {
		case wire.HostedAdded, wire.HostedAddedDots:
			t.added, t.variadic = true, kind == wire.HostedAddedDots
			t.parameters, t.returns = s.codes(&in), s.codes(&in)
		case wire.HostedInitialiser:
			one := initialiser{target: t}
			for range in.Count(4) {
				one.begins = append(one.begins, in.Text())
			}
			if len(one.begins) == 0 {
				panic(wire.Malformed("an initialiser of nothing"))
			}
			l.initialisers = append(l.initialisers, one)
			continue
		}
		if instance == wire.NoType {
			t.takes(functionByID(id))
			l.hosted[id] = t
			continue
		}
		all := l.hosted[id]
		if all == nil || all.instances == nil {
			panic(wire.Malformed("an instance of a function that is not generic"))
		}
		all.instances.byName[l.typeOf(instance).name] = t
	}
	s.finish()
	return nil
}

// leave notes that a function is about to be served elsewhere.
func (s *Slot) leave(leaving map[*link][]string) {
	if s.hot.Load() {
		l := s.target.Load().link
		leaving[l] = append(leaving[l], s.id)
	}
}

// longestNotice is how long a worker may take to note which functions it serves.
const longestNotice = 5 * time.Second

// serves tells a worker which functions it serves from now on, or does not any more. It calls directly what it serves, and no
// call that begins after a commit may meet older code: a worker that does not answer is given up.
func (l *link) serves(here bool, ids []string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recover() }() // it died: nothing in it calls anything any more
		s, err := l.acquire("a commit")
		if err != nil {
			return
		}
		var w wire.Writer
		w.Bool(here)
		w.U32(uint32(len(ids)))
		for _, id := range ids {
			w.Text(id)
		}
		s.send(wire.Serves, w.B)
		s.serve()
		s.finish()
	}()
	select {
	case <-done:
	case <-time.After(longestNotice):
		l.close("it did not answer")
	}
}

// flip is a slot and where its calls are to go.
type flip struct {
	slot *Slot
	to   *target
}

// commit flips all slots of a batch. Every call that begins afterwards goes the new way.
func (c *control) commit(r commit) {
	wanted, no := c.prepare(r.Moves)
	if no != nil {
		c.send(message{Refused: no})
		return
	}
	for _, f := range wanted {
		f.to.link.resume()
	}
	var reverted []*Slot
	for _, id := range r.Reverted {
		if slot := slotOf(id); slot != nil {
			reverted = append(reverted, slot)
		}
	}
	tellWorkers(wanted, reverted)
	turn(wanted, reverted)
	c.send(message{Committed: &committed{r.ID}})
	for _, old := range r.Superseded {
		if l := c.linkOf(old); l != nil {
			l.supersede(func() { c.send(message{Drained: &generation{old}}) })
		}
	}
}

// prepare finds the slots of a batch. Functions that the binary does not hold get theirs; variables get their values.
func (c *control) prepare(moves []move) (wanted []flip, no *refused) {
	for _, m := range moves {
		l := c.linkOf(m.Generation)
		for _, id := range m.Functions {
			if l == nil || l.hosted[id] == nil {
				return nil, &refused{m.Generation, "missing", id, "the worker does not host " + id}
			}
			t := l.hosted[id]
			slot := slotOf(id)
			if slot == nil && t.added {
				made, err := addedSlot(id, t)
				if err != nil {
					return nil, &refused{m.Generation, "missing", id, err.Error()}
				}
				slot = made
			}
			if slot == nil {
				return nil, &refused{m.Generation, "missing", id, "the running program has no dispatch check for " + id}
			}
			if t.instances != nil {
				t.instances.baseline = m.Baseline
			}
			t.work = figure(len(wanted))
			wanted = append(wanted, flip{slot, t})
		}
	}
	for _, f := range wanted {
		if f.to.added && !f.slot.hot.Load() {
			// Nobody calls it yet but the initialisers that follow.
			flips.Lock()
			f.slot.route(f.to)
			flips.Unlock()
		}
	}
	for _, f := range wanted {
		if err := f.to.link.begin(); err != nil {
			return nil, &refused{f.to.link.generation, "var", "", err.Error()}
		}
	}
	return wanted, nil
}

// turn flips slots in one instant. Those that were native are entered first, those that go native are left last: in
// between, every call of one of them waits, and none can find a new caller with an old callee.
func turn(wanted []flip, reverted []*Slot) {
	flips.Lock()
	defer flips.Unlock()
	turning.Store(true)
	defer turning.Store(false)
	for _, entering := range []bool{true, false} {
		for _, f := range wanted {
			if f.slot.hot.Load() != entering {
				f.slot.route(f.to)
			}
		}
	}
	for _, slot := range reverted {
		slot.hot.Store(false)
	}
}

// tellWorkers tells every worker which functions it is about to serve, or not any more.
func tellWorkers(wanted []flip, reverted []*Slot) {
	leaving, coming := map[*link][]string{}, map[*link][]string{}
	for _, f := range wanted {
		f.slot.leave(leaving)
		coming[f.to.link] = append(coming[f.to.link], f.slot.id)
	}
	for _, slot := range reverted {
		slot.leave(leaving)
	}
	for l, ids := range leaving {
		l.serves(false, ids)
	}
	for l, ids := range coming {
		l.serves(true, ids)
	}
}
