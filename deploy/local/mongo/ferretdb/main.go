// A server that speaks MongoDB's wire protocol and keeps its data in SQLite, for tests of what must
// outlive a crash of the store, and of TLS:
//
//	ferretdb LISTEN FOLDER [TLS-LISTEN CERTIFICATE KEY]
//
// FerretDB reads a document, changes it and writes it back without a lock, so two guarded updates over
// one version can both succeed. MongoDB changes a document in one step. Therefore FerretDB is reached
// only through this program, which lets one write at a time through.
package main

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	arguments := os.Args[1:]
	if len(arguments) != 2 && len(arguments) != 5 {
		log.Fatal("usage: ferretdb LISTEN FOLDER [TLS-LISTEN CERTIFICATE KEY]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A socket's path may have some 100 bytes, so it is not in the data folder.
	folder, err := os.MkdirTemp("", "ferretdb")
	check(err)
	defer os.RemoveAll(folder)
	socket := filepath.Join(folder, "socket")
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Handler:   "sqlite",
		SQLiteURL: "file:" + arguments[1] + "/",
	})
	check(err)
	gate := &gate{server: socket, writing: make(chan struct{}, 1)}
	listener, err := net.Listen("tcp", arguments[0])
	check(err)
	go gate.serve(listener)
	if len(arguments) == 5 {
		certificate, err := tls.LoadX509KeyPair(arguments[3], arguments[4])
		check(err)
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		listener, err := tls.Listen("tcp", arguments[2], config)
		check(err)
		go gate.serve(listener)
	}
	if err := server.Run(ctx); err != nil {
		log.Print(err)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
