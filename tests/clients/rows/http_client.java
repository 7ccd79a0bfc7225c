// client: Java: HttpClient, set by the program
// version: run java -version
// needs: keytool
// http: 1.1 2
// proxy: `ProxySelector`
// ca: `SSLContext`
// line: HttpClient.newBuilder().proxy(ProxySelector.of(address)).sslContext(context)
import java.io.FileInputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

class Client {
    public static void main(String[] words) throws Exception {
        var proxy = URI.create(System.getenv("PROXY"));
        var address = new InetSocketAddress(proxy.getHost(), proxy.getPort());
        var context = trusting(System.getenv("CA"));
        var version = words[2].equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
        var builder = HttpClient.newBuilder().proxy(ProxySelector.of(address)).sslContext(context);
        var client = builder.version(version).build();
        var request = HttpRequest.newBuilder(URI.create(words[0] + "/echo")).header("x-api-key", words[1]).build();
        System.out.println(client.send(request, BodyHandlers.ofString()).statusCode());
    }

    static SSLContext trusting(String file) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var stream = new FileInputStream(file)) {
            var certificate = CertificateFactory.getInstance("X.509").generateCertificate(stream);
            store.setCertificateEntry("secret-proxy", certificate);
        }
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }
}
