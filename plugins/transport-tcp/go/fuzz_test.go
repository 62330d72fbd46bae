package lane

import (
	"bytes"
	"syscall"
	"testing"
)

// FuzzHello takes bytes for what a connection opens with: it is admitted if it shows the token, and dropped and counted
// otherwise.
func FuzzHello(f *testing.F) {
	token := bytes.Repeat([]byte{0x5a}, tokenSize)
	good := append(append(bytes.Clone(token), isLane), make([]byte, addressSize)...)
	f.Add(good)
	f.Add(append(bytes.Clone(good), 1, 2, 3))
	f.Add(token)
	f.Add(bytes.Replace(good, []byte{0x5a, isLane}, []byte{0x5b, isLane}, 1))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		lane, peer := connected(t, 1000)
		defer syscall.Close(peer)
		link := lane.link
		link.incoming, link.ended = make(chan *Lane, 1), make(chan struct{})
		copy(link.token[:], token)
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Write(pair[1], said[:min(len(said), 1000)])
		syscall.Close(pair[1])
		link.hear(pair[0])
		knows := len(said) >= helloSize && bytes.HasPrefix(said, token) && said[tokenSize] == isLane
		if admitted := len(link.incoming) == 1; admitted != knows || link.dropped.Load() != map[bool]uint64{false: 1}[knows] {
			t.Errorf("%x: admitted %v, dropped %d", said, admitted, link.dropped.Load())
		}
		link.Close()
	})
}

// FuzzDescriptor takes text for a descriptor: it is none, or says where to go.
func FuzzDescriptor(f *testing.F) {
	f.Add("host=127.0.0.1:80;token=" + string(bytes.Repeat([]byte("5a"), tokenSize)) + ";limit=1000")
	f.Add("host=;token=;limit=")
	f.Fuzz(func(t *testing.T, descriptor string) {
		var link Link
		if host, err := link.parse(descriptor); err == nil && (host.Port == 0 || link.limit <= 0) {
			t.Errorf("%q: %+v, limit %d", descriptor, host, link.limit)
		}
	})
}
