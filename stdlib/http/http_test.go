package http

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLookup(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Kind", r.Header.Get("X-Kind"))
			fmt.Fprintf(w, "%s %s", r.Method, b)
		case "/binary":
			w.Write([]byte{0xff, 0xfe})
		case "/large":
			w.Write(make([]byte, maxBody+1))
		case "/slow":
			time.Sleep(time.Second)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	sum := "0000"
	text := "hello"
	get := func(o Options) (map[string]any, error) {
		if o.Timeout == 0 {
			o.Timeout = 10 * time.Second
		}
		if o.Method == "" {
			o.Method = "GET"
		}
		return (&data{&o}).Lookup(context.Background())
	}
	got, err := get(Options{URL: srv.URL + "/echo", Method: "POST", Request: &text, Headers: map[string]string{"X-Kind": "test"}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]any{"POST hello", 200, "test"}, []any{got["body"], got["status"], got["headers"].(map[string]any)["x-kind"]}); d != "" {
		t.Error(d)
	}
	for want, o := range map[string]Options{
		"404":                      {URL: srv.URL + "/none?token=s3cret"},
		"not UTF-8":                {URL: srv.URL + "/binary"},
		"more than":                {URL: srv.URL + "/large"},
		"has the SHA-256":          {URL: srv.URL + "/echo", SHA256: &sum},
		"deadline":                 {URL: srv.URL + "/slow?token=s3cret", Timeout: 50 * time.Millisecond},
		"no http://":               {URL: "ftp://x/?token=s3cret"},
		"connection refused":       {URL: "http://127.0.0.1:1/?token=s3cret"},
		"no http:// or https:// a": {URL: "http://s3cret:%zz"},
	} {
		_, err := get(o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", o.URL, err)
		}
	}
}
