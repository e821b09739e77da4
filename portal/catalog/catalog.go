// Package catalog lets a dealer find what the host sells, and learn what it costs, where it lies and when it comes. Products, stock and list
// prices are the same for everybody; what is agreed with a partner, or holds for its segment, is that partner's.
package catalog
