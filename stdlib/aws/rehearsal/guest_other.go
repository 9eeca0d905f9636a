//go:build !linux

package rehearsal

import (
	"context"
	"errors"
)

func startShell(context.Context, string, []string) (shell, error) {
	return nil, errors.New("machines of a rehearsal are sandboxes, which need Linux")
}
