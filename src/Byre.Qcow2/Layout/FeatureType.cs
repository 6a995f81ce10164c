namespace Byre.Qcow2.Layout;

/// <summary>Which set of feature bits a name belongs to. Source: specification, "Feature name table".</summary>
public enum FeatureType
{
    Incompatible = 0,
    Compatible = 1,
    Autoclear = 2,
}
