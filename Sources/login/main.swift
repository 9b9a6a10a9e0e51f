import Pages
import Storage

// Serves one page until the web server closes the socket.
servePage(.login, LoginPage.init)
