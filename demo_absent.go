//go:build !sandbox

package main

import (
	"context"
	"errors"
)

type demoCommand struct{}

func (demoCommand) Run(context.Context) error {
	return errors.New("this build holds no sandbox; run make demo in a checkout, or build with -tags sandbox")
}
