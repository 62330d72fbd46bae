package lane

// publish stores a mailbox's head after everything else in it. A plain store, because on amd64 all stores become
// visible in their order. sync/atomic would make it a locked exchange, which waits for the line while the receiver, who
// spins on it, takes it away again: a third more for a round trip.
func (l *line) publish(head uint64) {
	l.head = head
}
