// Package http is the data source that asks an HTTP server.
//
// It downloads no artifacts and keeps nothing: a base image is fetched by its builder. Start reading at Lookup.
package http

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// maxBody bounds an answer, in bytes.
const maxBody = 16 << 20

// Options are the data source's options; the schema says what they mean.
type Options struct {
	URL     string            `imgc:"url"`
	Method  string            `imgc:"method"`
	Headers map[string]string `imgc:"headers"`
	Request *string           `imgc:"request"`
	SHA256  *string           `imgc:"sha256"`
	Timeout time.Duration     `imgc:"timeout"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewData("http", schema, "1", func(o *Options) component.Data { return &data{o} })
}

type data struct{ *Options }

// Lookup asks the server and reads its answer. Errors do not tell the query of the address, nor headers, which may be secret.
func (d *data) Lookup(ctx context.Context) (map[string]any, error) {
	u, err := url.Parse(d.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("url is no http:// or https:// address")
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	var body io.Reader
	if d.Request != nil {
		body = strings.NewReader(*d.Request)
	}
	req, err := http.NewRequestWithContext(ctx, d.Method, d.URL, body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: the request is malformed", shown)
	}
	req.Header.Set("User-Agent", "imgc")
	for k, v := range d.Headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("asking %s: %w", shown, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, fmt.Errorf("%s answered %s", shown, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer of %s: %w", shown, err)
	case len(b) > maxBody:
		return nil, fmt.Errorf("the answer of %s has more than %d bytes", shown, maxBody)
	case !utf8.Valid(b):
		return nil, fmt.Errorf("the answer of %s is not UTF-8 text", shown)
	}
	if d.SHA256 != nil {
		sum := sha256.Sum256(b)
		if got := hex.EncodeToString(sum[:]); !strings.EqualFold(got, *d.SHA256) {
			return nil, fmt.Errorf("the answer of %s has the SHA-256 %s, not the one that is wanted", shown, got)
		}
	}
	headers := map[string]any{}
	for k := range resp.Header {
		if k != "Date" && k != "Set-Cookie" { // they differ each time, and would make every plan dirty
			headers[strings.ToLower(k)] = resp.Header.Get(k)
		}
	}
	return map[string]any{"url": d.URL, "status": resp.StatusCode, "headers": headers, "body": string(b)}, nil
}
