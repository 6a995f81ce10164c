using System.Runtime.InteropServices;
using System.Text;
using Byre.Block.Errors;

namespace Byre.Nbd.Tls.Interop;

/// <summary>
/// One side of a TLS connection (1.2 or 1.3) whose sides know each other by a secret key, as bytes in and bytes out:
/// who calls carries these. Not thread-safe.
/// <para>Errors: <see cref="BlockException"/> where a call fails, or OpenSSL is missing.</para>
/// </summary>
internal sealed unsafe class PskSession : IDisposable
{
    /// <summary>What authenticates by the key. TLS 1.3 has a list of its own, all of it usable with keys.</summary>
    private const string Ciphers = "kECDHEPSK+AESGCM:kECDHEPSK+CHACHA20:kDHEPSK+AESGCM:kDHEPSK+CHACHA20"
        + ":kPSK+AESGCM:kPSK+CHACHA20";

    /// <summary>OpenSSL keeps this index for its users.</summary>
    private const int DataIndex = 0;

    /// <summary>Null for a client.</summary>
    private readonly Func<string, byte[]?>? _findKey;

    private readonly string _identity;
    private readonly byte[] _key;

    private GCHandle _self;
    private nint _context;
    private nint _session;
    private nint _input;
    private nint _output;

    private PskSession(Func<string, byte[]?>? findKey, string identity, byte[] key)
    {
        _findKey = findKey;
        _identity = identity;
        _key = key;
        try
        {
            Open();
        }
        catch (Exception failure) when (failure is DllNotFoundException or EntryPointNotFoundException)
        {
            throw BlockException.NotSupported(
                "TLS with pre-shared keys needs OpenSSL 3 (libssl.so.3), which cannot be loaded");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A server; <paramref name="findKey"/> tells a client's key, null where it has none.</summary>
    public static PskSession ForServer(Func<string, byte[]?> findKey) => new(findKey, "", []);

    /// <summary>A client with its name and key.</summary>
    public static PskSession ForClient(string identity, byte[] key) => new(null, identity, key);

    /// <summary>Takes what has arrived.</summary>
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* source = bytes)
            Invariant.That(OpenSsl.WriteBio(_input, source, bytes.Length) == bytes.Length);
    }

    /// <summary>Hands out what is to be sent; returns the bytes, 0 for none.</summary>
    public int Drain(Span<byte> destination)
    {
        fixed (byte* target = destination)
            return Math.Max(0, OpenSsl.ReadBio(_output, target, destination.Length));
    }

    /// <summary>Goes on with the handshake; false where more has to arrive.</summary>
    public bool Handshake()
    {
        OpenSsl.ForgetErrors();
        int result = OpenSsl.Handshake(_session);
        return result == 1 || !CheckWaits(result);
    }

    /// <summary>Decrypts; returns null where more has to arrive, 0 where the other side has ended.</summary>
    public int? Read(Span<byte> destination)
    {
        OpenSsl.ForgetErrors();
        fixed (byte* target = destination)
        {
            int result = OpenSsl.Read(_session, target, destination.Length);
            if (result > 0)
                return result;
            return CheckWaits(result) ? null : 0;
        }
    }

    /// <summary>Encrypts all of it.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        OpenSsl.ForgetErrors();
        fixed (byte* source = bytes)
        {
            int result = OpenSsl.Write(_session, source, bytes.Length);
            if (result != bytes.Length)
                throw Failure();
        }
    }

    public void Dispose()
    {
        if (_session != 0)
            OpenSsl.FreeSession(_session);
        if (_context != 0)
            OpenSsl.FreeContext(_context);
        _session = 0;
        _context = 0;
        if (_self.IsAllocated)
            _self.Free();
    }

    [UnmanagedCallersOnly]
    private static uint TellClientKey(
        nint session, byte* hint, byte* identity, uint identityLimit, byte* key, uint keyLimit)
    {
        var self = (PskSession)GCHandle.FromIntPtr(OpenSsl.GetData(session, DataIndex)).Target!;
        Span<byte> name = new(identity, (int)identityLimit);
        if (self._key.Length > keyLimit || Encoding.UTF8.GetByteCount(self._identity) >= name.Length)
            return 0;
        name[Encoding.UTF8.GetBytes(self._identity, name)] = 0;
        self._key.CopyTo(new Span<byte>(key, (int)keyLimit));
        return (uint)self._key.Length;
    }

    [UnmanagedCallersOnly]
    private static uint TellServerKey(nint session, byte* identity, byte* key, uint keyLimit)
    {
        var self = (PskSession)GCHandle.FromIntPtr(OpenSsl.GetData(session, DataIndex)).Target!;
        string name = Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(identity));
        byte[]? found = self._findKey!(name);
        if (found is null || found.Length > keyLimit)
            return 0;
        found.CopyTo(new Span<byte>(key, (int)keyLimit));
        return (uint)found.Length;
    }

    private static BlockException Failure()
    {
        nuint error = OpenSsl.TakeError();
        byte* reason = error == 0 ? null : OpenSsl.ReasonOf(error);
        return BlockException.Invalid(reason == null ? "TLS failed" : Marshal.PtrToStringUTF8((nint)reason)!);
    }

    private void Open()
    {
        _context = Require(OpenSsl.NewContext(OpenSsl.Method()));
        Require(OpenSsl.Control(_context, OpenSsl.ControlMinimumVersion, OpenSsl.Tls12, 0));
        Require(OpenSsl.SetCiphers(_context, Ciphers));
        OpenSsl.SetOptions(_context, OpenSsl.NoRenegotiation);
        Require(OpenSsl.SetTickets(_context, 0));
        if (_findKey is null)
            SetUpClient();
        else
            OpenSsl.SetServerKeys(_context, &TellServerKey);

        _session = Require(OpenSsl.NewSession(_context));
        _input = Require(OpenSsl.NewBio(OpenSsl.MemoryMethod()));
        _output = OpenSsl.NewBio(OpenSsl.MemoryMethod());
        if (_output == 0)
        {
            _ = OpenSsl.FreeBio(_input);
            throw Failure();
        }

        OpenSsl.SetBio(_session, _input, _output);
        _self = GCHandle.Alloc(this);
        Require(OpenSsl.SetData(_session, DataIndex, GCHandle.ToIntPtr(_self)));
        if (_findKey is null)
            OpenSsl.BeClient(_session);
        else
            OpenSsl.BeServer(_session);
    }

    private void SetUpClient()
    {
        // No authority is trusted: a server that shows a certificate in place of the key is turned away. (A server of
        // ours has no certificate, so that without a key no handshake with it succeeds.)
        OpenSsl.SetVerify(_context, OpenSsl.VerifyPeer, 0);
        OpenSsl.SetClientKeys(_context, &TellClientKey);
    }

    /// <summary>True where more has to arrive, false at the end.</summary>
    private bool CheckWaits(int result) => OpenSsl.GetError(_session, result) switch
    {
        OpenSsl.WantRead => true,
        OpenSsl.Ended => false,
        _ => throw Failure(),
    };

    private static nint Require(nint result) => result != 0 ? result : throw Failure();
}
