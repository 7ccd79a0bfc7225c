# client: Java: HttpClient as it is
# version: run java -version
# needs: java keytool
# http: 1.1 2
# proxy: `JAVA_TOOL_OPTIONS`
# ca: `JAVA_TOOL_OPTIONS`
# note: the two commands for Java that `secret-proxy env` prints as comments
cat >Plain.java <<'END'
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

class Plain {
    public static void main(String[] words) throws Exception {
        var version = words[2].equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
        var client = HttpClient.newBuilder().version(version).build();
        var request = HttpRequest.newBuilder(URI.create(words[0] + "/echo")).header("x-api-key", words[1]).build();
        System.out.println(client.send(request, BodyHandlers.ofString()).statusCode());
    }
}
END
# The comments of `secret-proxy env`, as a person would copy them.
printf '%s\n' "$HINTS" | grep -E 'keytool|export JAVA_TOOL_OPTIONS=' >hints
. ./hints
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC Plain.java "$@"
