/** Runs the example's conversation, and prints how it failed. */
fun main() {
    val env = System.getenv()
    try {
        quickStart(env.getValue("ROSA2_URL"), env.getValue("TOKEN_URL"), env.getValue("SIGN_IN"))
    } catch (refused: Rosa2Exception) {
        println("refused      ${refused.code}")
    } catch (failed: java.io.IOException) {
        if (failed.message?.startsWith("Sign in first") != true) throw failed
        println("not signed in")
    }
}
