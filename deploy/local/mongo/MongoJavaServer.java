import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;

/**
 * An in-memory server that speaks MongoDB's wire protocol, for tests and benchmarks: {@code java -cp
 * 'libs/*' MongoJavaServer.java PORT}. Stop it and its data are gone.
 */
public class MongoJavaServer {
    /** What drivers ask for today; the server says 8 and understands what is needed of 13. */
    private static final int MAX_WIRE_VERSION = 13;

    private static class Backend extends MemoryBackend {
        @Override
        public Document handleCommand(
                Channel channel, String database, String command, Document query) {
            Document answer = super.handleCommand(channel, database, command, query);
            if (answer != null && answer.containsKey("maxWireVersion")) {
                answer.put("maxWireVersion", MAX_WIRE_VERSION);
            }
            return answer;
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        int port = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 27017;
        MongoServer server = new MongoServer(new Backend());
        server.bind(new InetSocketAddress("127.0.0.1", port));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        System.out.println("listening on " + server.getLocalAddress());
        Thread.currentThread().join();
    }
}
