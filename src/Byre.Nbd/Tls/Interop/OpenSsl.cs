using System.Runtime.InteropServices;

namespace Byre.Nbd.Tls.Interop;

/// <summary>
/// What is used of OpenSSL 3, the library that .NET's own TLS uses on Linux; see its manual pages. Stateless. Errors
/// are in a queue of the thread.
/// </summary>
internal static unsafe partial class OpenSsl
{
    /// <summary>SSL_CTX_set_min_proto_version.</summary>
    public const int ControlMinimumVersion = 123;

    public const nint Tls12 = 0x0303;

    /// <summary>SSL_OP_NO_RENEGOTIATION.</summary>
    public const ulong NoRenegotiation = 1ul << 30;

    public const int VerifyPeer = 1;

    /// <summary>SSL_ERROR_WANT_READ.</summary>
    public const int WantRead = 2;

    /// <summary>SSL_ERROR_ZERO_RETURN: the other side said that it ends.</summary>
    public const int Ended = 6;

    private const string Ssl = "libssl.so.3";
    private const string Crypto = "libcrypto.so.3";

    [LibraryImport(Ssl, EntryPoint = "TLS_method")]
    public static partial nint Method();

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_new")]
    public static partial nint NewContext(nint method);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_free")]
    public static partial void FreeContext(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint Control(nint context, int command, nint value, nint pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_options")]
    public static partial ulong SetOptions(nint context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_num_tickets")]
    public static partial int SetTickets(nint context, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_verify")]
    public static partial void SetVerify(nint context, int mode, nint callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_cipher_list", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetCiphers(nint context, string list);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_psk_client_callback")]
    public static partial void SetClientKeys(
        nint context, delegate* unmanaged<nint, byte*, byte*, uint, byte*, uint, uint> callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_psk_server_callback")]
    public static partial void SetServerKeys(
        nint context, delegate* unmanaged<nint, byte*, byte*, uint, uint> callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_new")]
    public static partial nint NewSession(nint context);

    /// <summary>Frees its BIOs, too.</summary>
    [LibraryImport(Ssl, EntryPoint = "SSL_free")]
    public static partial void FreeSession(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_bio")]
    public static partial void SetBio(nint session, nint input, nint output);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_ex_data")]
    public static partial int SetData(nint session, int index, nint data);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_ex_data")]
    public static partial nint GetData(nint session, int index);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_accept_state")]
    public static partial void BeServer(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_connect_state")]
    public static partial void BeClient(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_do_handshake")]
    public static partial int Handshake(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_read")]
    public static partial int Read(nint session, byte* target, int count);

    [LibraryImport(Ssl, EntryPoint = "SSL_write")]
    public static partial int Write(nint session, byte* source, int count);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_error")]
    public static partial int GetError(nint session, int result);

    [LibraryImport(Crypto, EntryPoint = "BIO_s_mem")]
    public static partial nint MemoryMethod();

    [LibraryImport(Crypto, EntryPoint = "BIO_new")]
    public static partial nint NewBio(nint method);

    [LibraryImport(Crypto, EntryPoint = "BIO_free")]
    public static partial int FreeBio(nint bio);

    [LibraryImport(Crypto, EntryPoint = "BIO_read")]
    public static partial int ReadBio(nint bio, byte* target, int count);

    [LibraryImport(Crypto, EntryPoint = "BIO_write")]
    public static partial int WriteBio(nint bio, byte* source, int count);

    [LibraryImport(Crypto, EntryPoint = "ERR_get_error")]
    public static partial nuint TakeError();

    [LibraryImport(Crypto, EntryPoint = "ERR_clear_error")]
    public static partial void ForgetErrors();

    [LibraryImport(Crypto, EntryPoint = "ERR_reason_error_string")]
    public static partial byte* ReasonOf(nuint error);
}
