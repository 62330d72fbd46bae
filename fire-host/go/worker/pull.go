package worker

import "runtime"

// Pull is iter.Pull: the sequence runs on a goroutine of its own, with its own lane.
func Pull[V any](seq func(yield func(V) bool)) (next func() (V, bool), stop func()) {
	p := puller{resume: make(chan bool), yielded: make(chan struct{})}
	var value V
	p.run = func() {
		seq(func(v V) bool {
			value = v
			return p.yield()
		})
	}
	next = func() (v V, ok bool) {
		if ok = p.next(); ok {
			v = value
		}
		return v, ok
	}
	return next, p.stop
}

// Pull2 is iter.Pull2.
func Pull2[K, V any](seq func(yield func(K, V) bool)) (next func() (K, V, bool), stop func()) {
	type pair struct {
		k K
		v V
	}
	one, stop := Pull(func(yield func(pair) bool) {
		seq(func(k K, v V) bool { return yield(pair{k, v}) })
	})
	return func() (K, V, bool) {
		p, ok := one()
		return p.k, p.v, ok
	}, stop
}

// puller is the state of one Pull. The two goroutines take turns: whoever has been told to go on owns it.
type puller struct {
	run             func()
	resume          chan bool
	yielded         chan struct{}
	started, done   bool
	panicked, ended bool
	value           any
}

func (p *puller) yield() bool {
	if p.done {
		return false
	}
	c := current()
	c.synchronise()
	p.yielded <- struct{}{}
	more := <-p.resume
	c.synchronise()
	return more
}

func (p *puller) next() bool {
	if p.done {
		return false
	}
	if !p.started {
		p.started = true
		Go(p.serve)
		p.await()
	} else {
		current().synchronise()
		p.resume <- true
		p.await()
	}
	return !p.done
}

func (p *puller) stop() {
	if p.done {
		return
	}
	p.done = true
	if p.started {
		current().synchronise()
		p.resume <- false
		p.await()
	}
}

// serve runs the sequence to its end.
func (p *puller) serve() {
	returned := false
	defer func() {
		if !returned {
			if p.value = recover(); p.value != nil {
				p.panicked = true
			} else {
				p.ended = true
			}
		}
		p.done = true
		current().synchronise()
		p.yielded <- struct{}{}
	}()
	p.run()
	returned = true
}

// await waits for the sequence's turn to end, and ends as it has ended.
func (p *puller) await() {
	<-p.yielded
	current().synchronise()
	switch {
	case p.panicked:
		p.panicked = false
		panic(p.value)
	case p.ended:
		p.ended = false
		runtime.Goexit()
	}
}
