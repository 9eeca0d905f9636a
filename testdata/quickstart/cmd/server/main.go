// Command server serves the files of /srv/www on port 8080; with -check it only says whether it could.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	root := flag.String("root", "/srv/www", "the folder to serve")
	addr := flag.String("addr", ":8080", "where to listen")
	check := flag.Bool("check", false, "look at the files and leave")
	flag.Parse()
	page, err := os.ReadFile(*root + "/index.html")
	if err != nil {
		log.Fatalf("server: there is nothing to serve: %v", err)
	}
	if *check {
		fmt.Printf("server: ready to serve %s, %d bytes of index.html\n", *root, len(page))
		return
	}
	server := &http.Server{Addr: *addr, Handler: http.FileServer(http.Dir(*root)), ReadHeaderTimeout: 5 * time.Second}
	log.Fatalf("server: %v", server.ListenAndServe())
}
