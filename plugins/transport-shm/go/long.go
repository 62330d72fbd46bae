package lane

// Payloads that do not fit into a mailbox's first line: in its bulk area, in a block of the arena that both sides
// share, or, when longer than that, in chunks: after each chunk but the last the receiver asks for the next.

const keepUpTo = 1 << 20 // the buffer size that a lane keeps between frames

// sendLong sends a frame whose payload is longer than inlineSize.
func (l *Lane) sendLong(f Frame) error {
	left := f.Payload
	if len(left) > l.link.shape.limit {
		return errTooLong
	}
	if len(left) <= bulkSize {
		return l.publish(f, formBulk, 0, copy(l.out.bulk, left))
	}
	space, form, block := l.out.bulk, uint16(formBulk), 0
	if claimed := l.claim(); claimed != noBlock {
		at := l.link.shape.arena(claimed)
		space, form, block = l.link.memory.bytes[at:at+blockSize], formBlock, claimed
	}
	for len(left) > len(space) {
		n := copy(space, left)
		left = left[n:]
		if err := l.publish(f, form|formMore, uint16(block), n); err != nil {
			return err
		}
		_, answer, _, _, err := l.take()
		if err != nil {
			return err
		}
		if answer != formNext {
			return l.garbage()
		}
	}
	return l.publish(f, form, uint16(block), copy(space, left))
}

// recvLong receives the rest of a frame whose first chunk has been taken.
func (l *Lane) recvLong(f Frame, form, block uint16, length int) (Frame, error) {
	if cap(l.buffer) > keepUpTo {
		l.buffer = nil
	}
	payload := l.buffer[:0]
	for {
		space := l.in.bulk
		switch form &^ formMore {
		case formBulk:
		case formBlock:
			if int(block) >= l.link.shape.blocks {
				return Frame{}, l.garbage()
			}
			at := l.link.shape.arena(int(block))
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
		err := l.publish(Frame{}, formNext, 0, 0)
		if err == nil {
			_, form, block, length, err = l.take()
		}
		if err != nil {
			return Frame{}, err
		}
	}
	l.buffer = payload[:cap(payload)]
	f.Payload = payload[:len(payload):len(payload)]
	return f, nil
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
