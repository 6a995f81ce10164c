using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Byre.Fuzz.Engine;
using Byre.Nbd.Protocol;

namespace Byre.Fuzz.Network;

/// <summary>
/// Makes up what a client sends, from its flags to its last request: by the protocol, with values worth trying, and
/// then damages it. For one case.
/// </summary>
internal sealed class ConversationGenerator(FuzzRandom random)
{
    private const int MaxPayloadBytes = 4096;

    private static readonly string[] Names =
    [
        "", "disk", "other", "base:allocation", "base:", "qemu:", "qemu:allocation-depth", "qemu:dirty-bitmap:x", "\0",
    ];

    private readonly ArrayBufferWriter<byte> _bytes = new();
    private NbdMode _mode = NbdMode.Simple;

    public byte[] Generate()
    {
        Add32(random.OneIn(8) ? (uint)random.Next64() : 3);
        for (int i = random.Next(5); i > 0; i--)
            AddOption((OptionCode)random.Next(13));
        AddOption(random.OneIn(4) ? OptionCode.ExportName : OptionCode.Go);
        for (int i = random.Next(12); i > 0; i--)
            AddRequest();
        byte[] script = _bytes.WrittenSpan.ToArray();
        if (random.OneIn(3))
            Damage(script);
        return random.OneIn(8) ? script[..random.Next(script.Length + 1)] : script;
    }

    private void AddOption(OptionCode option)
    {
        byte[] payload = MakePayload(option);
        if (option == OptionCode.StructuredReply && _mode == NbdMode.Simple)
            _mode = NbdMode.Structured;
        else if (option == OptionCode.ExtendedHeaders)
            _mode = NbdMode.Extended;
        Add64(NbdMagic.Option);
        Add32(random.OneIn(30) ? (uint)random.Next64() : (uint)option);
        Add32(random.OneIn(30) ? Odd32() : (uint)payload.Length);
        _bytes.Write(payload);
    }

    private byte[] MakePayload(OptionCode option)
    {
        var payload = new ArrayBufferWriter<byte>();
        switch (option)
        {
            case OptionCode.ExportName:
                payload.Write(Encoding.UTF8.GetBytes(random.OneIn(3) ? random.Pick(Names) : "disk"));
                break;
            case OptionCode.Info or OptionCode.Go:
                AddName(payload, random.OneIn(4) ? random.Pick(Names) : "disk");
                int infos = random.Next(4);
                Add16(payload, random.OneIn(20) ? random.Next(0x10000) : infos);
                for (; infos > 0; infos--)
                    Add16(payload, random.Next(5));
                break;
            case OptionCode.ListMetaContext or OptionCode.SetMetaContext:
                AddName(payload, random.OneIn(4) ? random.Pick(Names) : "disk");
                int queries = random.Next(4);
                Add32(payload, random.OneIn(20) ? Odd32() : (uint)queries);
                for (; queries > 0; queries--)
                    AddName(payload, random.Pick(Names));
                break;
            default:
                if (random.OneIn(6))
                    payload.Write(new byte[random.Next(64)]);
                break;
        }

        return payload.WrittenSpan.ToArray();
    }

    private void AddName(ArrayBufferWriter<byte> payload, string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        Add32(payload, random.OneIn(20) ? Odd32() : (uint)bytes.Length);
        payload.Write(bytes);
    }

    private void AddRequest()
    {
        var command = (CommandCode)random.Next(9);
        ulong length = random.OneIn(12) ? Odd32() & 0xff_ffff : (ulong)random.Next(MaxPayloadBytes);
        ulong offset = random.OneIn(8) ? random.Next64() >> random.Next(64) : (ulong)random.Next(1 << 20);
        CommandFlags flags = random.OneIn(3) ? (CommandFlags)random.Next(64) : CommandFlags.None;
        bool hasPayload = command == CommandCode.Write || (flags & CommandFlags.PayloadLength) != 0;
        if (hasPayload)
            length %= MaxPayloadBytes;
        byte[] header = new byte[RequestHeader.ExtendedBytes];
        int size = new RequestHeader(command, flags, random.Next64(), offset, length).Write(header, _mode);
        _bytes.Write(header.AsSpan(0, size));
        if (hasPayload)
            _bytes.Write(new byte[length]);
    }

    private void Damage(byte[] script)
    {
        for (int i = random.Next(6); i >= 0 && script.Length > 0; i--)
            script[random.Next(script.Length)] ^= (byte)(1 << random.Next(8));
    }

    private uint Odd32() =>
        random.Pick<uint>([0, 1, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 32 << 20, (32 << 20) + 1, 4097]);

    private void Add32(uint value) => Add32(_bytes, value);

    private void Add64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        _bytes.Write(bytes);
    }

    private static void Add32(ArrayBufferWriter<byte> target, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        target.Write(bytes);
    }

    private static void Add16(ArrayBufferWriter<byte> target, int value) =>
        target.Write([(byte)(value >> 8), (byte)value]);
}
