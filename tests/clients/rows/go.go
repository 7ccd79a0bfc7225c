// client: Go: net/http
// version: run go version
// http: 1.1 2
// proxy: https_proxy
// ca: SSL_CERT_FILE
package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
)

func main() {
	request, err := http.NewRequest("GET", os.Args[1]+"/echo", nil)
	check(err)
	request.Header.Set("x-api-key", os.Args[2])
	client := http.DefaultClient
	if os.Args[3] == "1.1" {
		// Go has no simpler way to say so.
		one := map[string]func(string, *tls.Conn) http.RoundTripper{}
		client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSNextProto: one}}
	}
	answer, err := client.Do(request)
	check(err)
	fmt.Println(answer.StatusCode)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
