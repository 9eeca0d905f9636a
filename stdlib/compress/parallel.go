package compress

import (
	"errors"
	"io"
	"sync"
)

// parallel cuts what is written into blocks, compresses them on several cores, each to a stream of its own,
// and writes these one after another. It holds at most 2 × cores blocks.
type parallel struct {
	size     int
	compress func(into, block []byte) ([]byte, error) // appends to into
	block    []byte
	started  bool // a block was handed on
	queue    chan chan result
	done     chan struct{}
	free     sync.Pool // of blocks
	spent    sync.Pool // of what they became, once it is written

	mu  sync.Mutex
	err error // the first that happened
}

type result struct {
	data []byte
	err  error
}

func newParallel(w io.Writer, size, cores int, compress func(into, block []byte) ([]byte, error)) *parallel {
	p := &parallel{size: size, compress: compress, queue: make(chan chan result, cores), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for next := range p.queue {
			r := <-next
			if p.failed() == nil && r.err == nil {
				_, r.err = w.Write(r.data)
				p.spent.Put(&r.data)
			}
			p.fail(r.err)
		}
	}()
	return p
}

func (p *parallel) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *parallel) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

func (p *parallel) Write(data []byte) (int, error) {
	n := len(data)
	for len(data) > 0 {
		if err := p.failed(); err != nil {
			return 0, err
		}
		p.begin()
		room := min(len(data), p.size-len(p.block))
		p.block = append(p.block, data[:room]...)
		data = data[room:]
		if len(p.block) == p.size {
			p.flush()
		}
	}
	return n, nil
}

// begin has a block ready to be filled.
func (p *parallel) begin() {
	if p.block != nil {
		return
	}
	if b, ok := p.free.Get().(*[]byte); ok {
		p.block = (*b)[:0]
	} else {
		p.block = make([]byte, 0, p.size)
	}
}

// ReadFrom takes all of r, straight into the blocks.
func (p *parallel) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		if err := p.failed(); err != nil {
			return n, err
		}
		p.begin()
		got, err := io.ReadFull(r, p.block[len(p.block):p.size])
		p.block = p.block[:len(p.block)+got]
		n += int64(got)
		if len(p.block) == p.size {
			p.flush()
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

func (p *parallel) flush() {
	block, out := p.block, make(chan result, 1)
	p.block, p.started = nil, true
	p.queue <- out // waits while enough blocks are under way
	go func() {
		var into []byte
		if b, ok := p.spent.Get().(*[]byte); ok {
			into = (*b)[:0]
		}
		data, err := p.compress(into, block)
		p.free.Put(&block)
		out <- result{data, err}
	}()
}

// Close writes what is left. An empty input gives an empty stream, not nothing.
func (p *parallel) Close() error {
	if len(p.block) > 0 || !p.started {
		p.flush()
	}
	close(p.queue)
	<-p.done
	return p.failed()
}
