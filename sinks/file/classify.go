package file

import (
	"context"
	"errors"
	"syscall"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

// classify gives an error its code. What is not known here is Unknown, and so retried.
func classify(ctx context.Context, err error) error {
	var done *driver.Error
	if errors.As(err, &done) {
		return done
	}
	return &driver.Error{Code: codeOf(ctx, err), Err: err}
}

func codeOf(ctx context.Context, err error) driver.Code {
	var unknownCodec codec.UnknownError
	switch {
	case ctx.Err() != nil:
		return driver.Canceled
	case errors.Is(err, errNotRegular):
		return driver.Conflict
	case errors.Is(err, errNoLinks), errors.As(err, &unknownCodec):
		return driver.Misconfigured
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return driver.Unknown
	}
	switch errno {
	case syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EXDEV:
		return driver.Misconfigured
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ESTALE, syscall.ENOENT:
		return driver.Unavailable
	}
	return driver.Unknown
}
