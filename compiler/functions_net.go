package compiler

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
)

func networks(fs map[string]*builtin) {
	prefix := func(s string) (netip.Prefix, error) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return p, fmt.Errorf("%q is no network such as 10.0.0.0/16", s)
		}
		return p.Masked(), nil
	}
	fs["cidrhost"] = &builtin{params: []parameter{par("network", tString), par("number", tInt)}, result: always(tString), doc: "the address with a number in a network; a negative number counts from its end",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			addr, err := addressIn(p, whole(a[1]))
			return text(addr.String(), err)
		}}
	fs["cidrnetmask"] = &builtin{params: []parameter{par("network", tString)}, result: always(tString), doc: "the mask of an IPv4 network: 255.255.0.0",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			if !p.Addr().Is4() {
				return cty.NilVal, errors.New("only IPv4 has such masks")
			}
			m := ^uint32(0) << (32 - p.Bits())
			if p.Bits() == 0 {
				m = 0
			}
			return text(netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String(), nil)
		}}
	fs["cidrsubnet"] = &builtin{params: []parameter{par("network", tString), par("bits", tInt), par("number", tInt)}, result: always(tString), doc: "the network with a number among those whose prefix is longer by some bits",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			s, err := subnet(p, whole(a[1]), whole(a[2]))
			return text(s.String(), err)
		}}
	fs["cidrsubnets"] = &builtin{params: []parameter{par("network", tString), restOf("bits", tInt)}, result: always(tStrings), doc: "networks one after another, each with its prefix longer by some bits",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			var out []string
			next := p.Addr()
			for _, v := range a[1:] {
				bits := p.Bits() + int(min(max(whole(v), 0), 128))
				if whole(v) < 1 || bits > p.Addr().BitLen() {
					return cty.NilVal, fmt.Errorf("%s cannot be divided by %d bits", p, whole(v))
				}
				s := netip.PrefixFrom(next, bits).Masked()
				if s.Addr().Compare(next) < 0 {
					if s, err = following(s); err != nil {
						return cty.NilVal, err
					}
				}
				if !p.Contains(s.Addr()) {
					return cty.NilVal, fmt.Errorf("%s has no room for all of them", p)
				}
				out = append(out, s.String())
				if after, err := following(s); err == nil {
					next = after.Addr()
				} else {
					next = netip.Addr{}
				}
				if !next.IsValid() && len(out) < len(a)-1 {
					return cty.NilVal, fmt.Errorf("%s has no room for all of them", p)
				}
			}
			return stringTuple(out), nil
		}}
}

// addressIn is the address with a number in a network.
func addressIn(p netip.Prefix, n int64) (netip.Addr, error) {
	free := p.Addr().BitLen() - p.Bits()
	if free < 63 && (n >= 1<<free || n < -(1<<free)) {
		return netip.Addr{}, fmt.Errorf("%s has no address with number %d", p, n)
	}
	b := p.Addr().AsSlice()
	if n < 0 { // from the last address of the network
		for i := p.Bits(); i < len(b)*8; i++ {
			b[i/8] |= 1 << (7 - i%8)
		}
		n++
	}
	carry := n
	for i := len(b) - 1; i >= 0 && carry != 0; i-- {
		sum := int64(b[i]) + carry&0xff
		b[i] = byte(sum)
		carry = carry>>8 + sum>>8
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr, nil
}

func subnet(p netip.Prefix, bits, n int64) (netip.Prefix, error) {
	all := p.Addr().BitLen()
	if bits < 0 || bits > int64(all-p.Bits()) || bits > 62 {
		return netip.Prefix{}, fmt.Errorf("%s cannot be divided by %d bits", p, bits)
	}
	if n < 0 || n >= 1<<bits {
		return netip.Prefix{}, fmt.Errorf("with %d bits more there are %d networks, so none has number %d", bits, int64(1)<<bits, n)
	}
	to := p.Bits() + int(bits)
	b := p.Addr().AsSlice()
	for i := range int(bits) {
		if n>>i&1 == 1 {
			at := to - 1 - i
			b[at/8] |= 1 << (7 - at%8)
		}
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(addr, to), nil
}

// following is the network after another of the same size.
func following(p netip.Prefix) (netip.Prefix, error) {
	b := p.Addr().AsSlice()
	for at := p.Bits() - 1; at >= 0; at-- {
		b[at/8] ^= 1 << (7 - at%8)
		if b[at/8]>>(7-at%8)&1 == 1 {
			addr, _ := netip.AddrFromSlice(b)
			return netip.PrefixFrom(addr, p.Bits()), nil
		}
	}
	return netip.Prefix{}, errors.New("there are no addresses left")
}
