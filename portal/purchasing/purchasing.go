// Package purchasing lets a supplier see what the host orders from it, and what became of what it sent.
package purchasing
