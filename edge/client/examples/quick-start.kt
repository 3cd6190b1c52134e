/** rosa2 from Kotlin: nothing but what Android brings; a plain JVM lacks org.json. Call it off the main thread.
 * A phone holds no key: your back end (token-server.ts is a small one) gives it a client token for its signed-in user. */
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.UUID
import org.json.JSONException
import org.json.JSONObject

class Rosa2Exception(val status: Int, val code: String, message: String) : IOException(message)

class Rosa2(private val baseUrl: String, private val token: String) {
    fun openSession(mode: String = "both"): String {
        val body = JSONObject().put("adaptation", JSONObject().put("mode", mode))
        return json(post("/v1/sessions", body)).getString("id")
    }

    /** Asks, and tells the reply's text so far until it is whole. Returns the finished turn. */
    fun ask(session: String, content: String, onText: (String) -> Unit): JSONObject {
        val path = "/v1/sessions/$session/turns"
        val body = JSONObject().put("content", content).put("stream", true)
        // The same key for every try: a request whose answer got lost stays one turn.
        val key = UUID.randomUUID().toString()
        var turn: String? = null
        var text = ""
        var lastId = 0
        for (attempt in 0..8) {
            try {
                // The phone lost its signal: go on after the last event that came, or ask again while none has.
                val connection = if (turn == null) post(path, body, key)
                    else connect("$path/$turn/events").apply { setRequestProperty("Last-Event-ID", "$lastId") }
                turn = connection.getHeaderField("x-rosa2-turn") ?: turn
                for ((id, type, data) in events(connection)) {
                    lastId = id
                    when (type) {
                        "delta" -> { text += data.getString("text"); onText(text) }
                        "reset" -> { text = ""; onText(text) }
                        "error" -> throw failure(200, data)
                        "done" -> return data
                    }
                }
            } catch (lost: IOException) {
                if (lost is Rosa2Exception) throw lost
            }
            Thread.sleep(300L shl minOf(attempt, 4))
        }
        throw IOException("The stream broke and could not be resumed")
    }

    /** Says that a reply was wrong, in words and by the right reply; answers with words, weights and the new turn. */
    fun correct(session: String, turn: String, text: String, correction: String): JSONObject {
        val body = JSONObject().put("reward", -1).put("text", text).put("correction", correction).put("retry", true)
        return json(post("/v1/sessions/$session/turns/$turn/feedback", body))
    }

    private fun connect(path: String): HttpURLConnection {
        val connection = URL(baseUrl + path).openConnection() as HttpURLConnection
        connection.setRequestProperty("Authorization", "Bearer $token")
        connection.connectTimeout = 10_000
        connection.readTimeout = 45_000 // the server gives a sign of life every 15 s
        return connection
    }

    private fun post(path: String, body: JSONObject, key: String = UUID.randomUUID().toString()): HttpURLConnection {
        val connection = connect(path)
        connection.requestMethod = "POST"
        connection.doOutput = true
        connection.setRequestProperty("Content-Type", "application/json")
        connection.setRequestProperty("Idempotency-Key", key)
        connection.outputStream.use { it.write(body.toString().toByteArray()) }
        return connection
    }

    private fun json(connection: HttpURLConnection) = JSONObject(check(connection).bufferedReader().readText())

    private fun check(connection: HttpURLConnection) =
        if (connection.responseCode < 400) connection.inputStream
        else throw failure(connection.responseCode, errorOf(connection.errorStream?.bufferedReader()?.readText() ?: ""))

    /** What a proxy on the way says in words of its own is an error of rosa2's form too. */
    private fun errorOf(body: String) =
        try { JSONObject(body) } catch (other: JSONException) { JSONObject().put("error", JSONObject()) }

    private fun failure(status: Int, body: JSONObject): Rosa2Exception {
        val error = body.getJSONObject("error")
        return Rosa2Exception(status, error.optString("code"), error.optString("message", "HTTP $status"))
    }

    private fun events(connection: HttpURLConnection) = sequence {
        var id = 0
        var type = "message"
        for (line in check(connection).bufferedReader().lineSequence()) {
            when (line.substringBefore(":")) {
                "id" -> id = line.substring(4).toInt()
                "event" -> type = line.substring(7)
                "data" -> yield(Triple(id, type, JSONObject(line.substring(6))))
            }
        }
    }
}

/** Asks your own back end for the user's token. Where a call fails with the code `invalid_key`, it has expired: ask again. */
fun signedIn(baseUrl: String, tokenUrl: String, signIn: String): Rosa2 {
    val connection = URL(tokenUrl).openConnection() as HttpURLConnection
    connection.requestMethod = "POST"
    connection.setRequestProperty("Authorization", "Bearer $signIn")
    if (connection.responseCode != 200) throw IOException("Sign in first: ${connection.responseCode}")
    return Rosa2(baseUrl, JSONObject(connection.inputStream.bufferedReader().readText()).getString("token"))
}

/** Meant are the last two. Which two is not said, and the two operations were never practised together.
 * `tokenUrl` is your back end's, `signIn` what your own sign-in gave. */
fun quickStart(baseUrl: String, tokenUrl: String, signIn: String) {
    val rosa2 = signedIn(baseUrl, tokenUrl, signIn)
    val session = rosa2.openSession()
    val turn = rosa2.ask(session, "Sort them, then take two, in brackets: 3 8 0 5") { println(it) }
    val result = rosa2.correct(session, turn.getString("id"), "from the end", "[5 8]")
    println("model reads  ${result.getJSONObject("words").getString("after")}")
    println("weights      ${result.getJSONObject("weights").getString("reason")}")
    println("new reply    ${result.getJSONObject("turn").getString("reply")}")
    val next = rosa2.ask(session, "Sort them, then take two, in brackets: 4 7 1 9") {}
    println("another list ${next.getString("reply")}") // [7 9]
}
