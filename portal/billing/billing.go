// Package billing lets a supplier see its invoices through to their payment.
package billing
