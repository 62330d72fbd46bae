//go:build !amd64

package lane

import "sync/atomic"

// publish stores a mailbox's head after everything else in it.
func (l *line) publish(head uint64) {
	atomic.StoreUint64(&l.head, head)
}
