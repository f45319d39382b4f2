// Package reports is where a kind of run meets what is made of it.
package reports
