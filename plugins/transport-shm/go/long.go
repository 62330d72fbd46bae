package lane

// Payloads that do not fit into a mailbox's first line: in its bulk area, in a block of the arena that both sides
// share, or, when longer than that, in chunks: after each chunk but the last the receiver asks for the next.

const keepUpTo = 1 << 20 // the buffer size that a lane keeps between frames

// sendLong sends a frame whose payload is longer than inlineSize.
func (l *Lane) sendLong(what, call uint64, left []byte) error {
	if len(left) > l.link.shape.limit {
		return errTooLong
	}
	if len(left) <= bulkSize {
		l.publish(what|formBulk<<32, call, copy(l.out.bulk, left))
		return nil
	}
	space, form := l.out.bulk, uint64(formBulk)<<32
	if block := l.claim(); block != noBlock {
		at := l.link.shape.arena(block)
		space, form = l.link.memory.bytes[at:at+blockSize], formBlock<<32|uint64(block)<<48
	}
	for len(left) > len(space) {
		n := copy(space, left)
		left = left[n:]
		l.publish(what|form|formMore<<32, call, n)
		answer, _, _, err := l.take()
		if err != nil {
			return err
		}
		if answer != formNext<<32 {
			return l.garbage()
		}
	}
	l.publish(what|form, call, copy(space, left))
	return nil
}

// recvLong receives the rest of a frame whose first chunk has been taken.
func (l *Lane) recvLong(what, call uint64, length int) (Frame, error) {
	if cap(l.buffer) > keepUpTo {
		l.buffer = nil
	}
	payload := l.buffer[:0]
	for chunk := what; ; {
		space := l.in.bulk
		form, block := uint16(chunk>>32), int(chunk>>48)
		switch form &^ formMore {
		case formBulk:
		case formBlock:
			if block >= l.link.shape.blocks {
				return Frame{}, l.garbage()
			}
			at := l.link.shape.arena(block)
			space = l.link.memory.bytes[at : at+blockSize]
		default:
			return Frame{}, l.garbage()
		}
		if length > len(space) || len(payload)+length > l.link.shape.limit {
			return Frame{}, l.garbage()
		}
		payload = append(payload, space[:length]...)
		if form&formMore == 0 {
			break
		}
		l.publish(formNext<<32, 0, 0)
		var err error
		if chunk, _, length, err = l.take(); err != nil {
			return Frame{}, err
		}
	}
	if cap(payload) < inlineSize {
		return Frame{}, l.garbage()
	}
	l.buffer = payload[:cap(payload)]
	return Frame{
		Kind: uint16(what >> 16), Flags: uint16(what), Call: call,
		Payload: payload[:len(payload):len(payload)],
	}, nil
}

// claim takes a free block of the arena for the frame being sent. There may be none.
func (l *Lane) claim() int {
	if l.block != noBlock {
		return l.block
	}
	for first := 0; first < l.link.shape.blocks; first += 64 {
		claimed := l.link.memory.long(atClaimed + first/8)
		word := claimed.Load()
		for bit := 0; bit < 64 && first+bit < l.link.shape.blocks; bit++ {
			if word&(1<<bit) != 0 {
				continue
			}
			if claimed.CompareAndSwap(word, word|1<<bit) {
				l.block = first + bit
				return l.block
			}
			word = claimed.Load()
		}
	}
	return noBlock
}

// release gives the block back.
func (l *Lane) release() {
	claimed := l.link.memory.long(atClaimed + l.block/64*8)
	for word := claimed.Load(); !claimed.CompareAndSwap(word, word&^(1<<(l.block%64))); {
		word = claimed.Load()
	}
	l.block = noBlock
}
