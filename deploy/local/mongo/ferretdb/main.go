// A server that speaks MongoDB's wire protocol and keeps its data in SQLite, for tests of what must
// outlive a crash of the store, and of TLS:
//
//	ferretdb LISTEN FOLDER [TLS-LISTEN CERTIFICATE KEY]
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	arguments := os.Args[1:]
	if len(arguments) != 2 && len(arguments) != 5 {
		log.Fatal("usage: ferretdb LISTEN FOLDER [TLS-LISTEN CERTIFICATE KEY]")
	}
	config := &ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: arguments[0]},
		Handler:   "sqlite",
		SQLiteURL: "file:" + arguments[1] + "/",
	}
	if len(arguments) == 5 {
		config.Listener.TLS = arguments[2]
		config.Listener.TLSCertFile = arguments[3]
		config.Listener.TLSKeyFile = arguments[4]
	}
	server, err := ferretdb.New(config)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
