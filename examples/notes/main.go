// Command notes serves short notes, kept in memory, over HTTP.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"notes/store"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "where to serve")
	flag.Parse()
	server := &http.Server{
		Addr:              *address,
		Handler:           routes(store.New()),
		ReadHeaderTimeout: 5 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}
