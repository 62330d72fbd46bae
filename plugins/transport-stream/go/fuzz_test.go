package lane

import (
	"bytes"
	"syscall"
	"testing"
)

// connected is a lane of a link of its own, and the descriptor of its peer.
func connected(t testing.TB, limit int) (lane *Lane, peer int) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	link := &Link{limit: limit, lanes: map[int32]*Lane{}}
	if err := link.doorman.hire(link); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	if lane, err = link.adopt(pair[0], pair[0]); err != nil {
		t.Fatal(err)
	}
	return lane, pair[1]
}

// FuzzFrames takes bytes for what a peer sends, in writes of the given size: frames within the limit that say the same again,
// then an error, for the bytes end.
func FuzzFrames(f *testing.F) {
	const limit = 2000
	var header [headerSize]byte
	putHeader(&header, Frame{Kind: 1, Flags: 2, Call: 3, Payload: []byte("fire")})
	one := append(header[:], "fire"...)
	f.Add(uint8(0), one)
	f.Add(uint8(3), one)
	f.Add(uint8(0), append(one, one...))
	f.Add(uint8(0), []byte{0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(uint8(0), []byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, step uint8, sent []byte) {
		sent = sent[:min(len(sent), 3*limit)]
		lane, peer := connected(t, limit)
		defer lane.link.Close()
		written := make(chan struct{})
		go func() {
			defer close(written)
			defer syscall.Close(peer)
			for left := sent; len(left) > 0; {
				n := len(left)
				if step > 0 {
					n = min(n, int(step))
				}
				n, err := syscall.Write(peer, left[:n])
				if err != nil {
					return // the receiver has seen enough
				}
				left = left[n:]
			}
		}()
		var again []byte
		for {
			frame, err := lane.Recv()
			if err != nil {
				break
			}
			if len(frame.Payload) > limit {
				t.Fatalf("a frame of %d bytes", len(frame.Payload))
			}
			putHeader(&header, frame)
			again = append(append(again, header[:]...), frame.Payload...)
		}
		lane.Close()
		<-written
		if !bytes.HasPrefix(sent, again) {
			t.Errorf("%x is received as %x", sent, again)
		}
	})
}
