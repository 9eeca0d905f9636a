package compress

import (
	"bytes"
	"io"
	"runtime"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
	"github.com/ulikunitz/xz"
)

// Blocks are compressed by themselves, so their size is a trade of ratio for memory and cores. It must not
// depend on the number of cores, or the same files would give other bytes on another host.
const (
	gzBlock  = 1 << 20
	zstBlock = 8 << 20
	xzBlock  = 16 << 20
)

// compressor gives a writer that compresses to w on all cores. Closing it ends the stream and leaves w open.
func compressor(w io.Writer, coding string, l *int) (io.WriteCloser, error) {
	cores := runtime.GOMAXPROCS(0)
	switch coding {
	case "gz":
		z, err := pgzip.NewWriterLevel(w, level(l, 6))
		if err != nil {
			return nil, err
		}
		return z, z.SetConcurrency(gzBlock, cores+1)
	case "zst":
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level(l, 3))), zstd.WithEncoderConcurrency(cores), zstd.WithZeroFrames(true))
		if err != nil {
			return nil, err
		}
		return newParallel(w, zstBlock, cores, func(into, block []byte) ([]byte, error) {
			if into == nil {
				into = make([]byte, 0, len(block)/2)
			}
			return enc.EncodeAll(block, into), nil
		}), nil
	case "xz":
		config := xz.WriterConfig{DictCap: min(xzBlock, 1<<(18+min(level(l, 6), 6)))}
		if err := config.Verify(); err != nil {
			return nil, err
		}
		return newParallel(w, xzBlock, cores, func(into, block []byte) ([]byte, error) {
			out := bytes.NewBuffer(into)
			z, err := config.NewWriter(out)
			if err != nil {
				return nil, err
			}
			if _, err := z.Write(block); err != nil {
				return nil, err
			}
			err = z.Close()
			return out.Bytes(), err
		}), nil
	}
	return nopCloser{w}, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
