"""Symbols of C++ and Rust as names: whole ones for the JSON, short ones for a table."""

import re
import shutil
import subprocess
import sys
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.accounting import demangling, rust_names
from gilscope.accounting.demangling import demangled, shown

#: From rustc's documentation of both forms, its own tests, and libraries that it made.
RUST = {
    "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE": "core::fmt::Write::write_fmt",
    "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE.llvm.1234": "core::fmt::Write::write_fmt",
    "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE": (
        "<Test + 'static as foo::Bar<Test>>::bar"
    ),
    "_ZN8$RF$testing9_$BP$const17h0123456789abcdefE": "",
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RNvNtCs1234_7mycrate3foo3bar": "mycrate::foo::bar",
    "_RNvMNtCs1234_7mycrate3fooNtB2_3Foo3bar": "<mycrate::foo::Foo>::bar",
    "_RNCNvCsgStHSCytQ6I_7mycrate4main0B3_": "mycrate::main::{closure#0}",
    "_RNCNvCsgStHSCytQ6I_7mycrate4mains_0B3_": "mycrate::main::{closure#1}",
    "_RNvXCs15kBYyAo9fc_7mycrateNtB2_7ExampleNtB2_5Trait3foo": "<mycrate::Example as mycrate::Trait>::foo",
    "_RNvYNtC1a1BNtC1c1D1e": "<a::B as c::D>::e",
    "_RINvNtC3std3mem8align_ofjdE": "std::mem::align_of::<usize, f64>",
    "_RINvNtC3std3mem8align_ofANtC1c1SKj1f_E": "",
    "_RINvC1c1fAhj10_E": "c::f::<[u8; 16]>",
    "_RINvC1c1fRDG_INtNtC4core3ops2FnTRL0_hEEp6OutputuEL_E": (
        "c::f::<&dyn for<'a> core::ops::Fn<(&'a u8,), Output = ()>>"
    ),
    "_RINvC1c1fFUKCPhQSlEuE": 'c::f::<unsafe extern "C" fn(*const u8, &mut [i32])>',
    "_RINvC1c1fFTlmEEtE": "c::f::<fn((i32, u32)) -> u16>",
    "_RINvC1c1fKb1_Kc41_Kln5_KpE": "c::f::<true, 'A', -5, _>",
    "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y": "utf8_idents::საჭმელად_გემრიელი_სადილი",
    "_RNvC1c1f.llvm.42": "c::f",
}
CPP = {
    "_ZN2ns1A3runEi": "ns::A::run(int)",
    "_ZL17__pyx_f_5noex_runv": "__pyx_f_5noex_run()",
    "_ZNSt6vectorIiSaIiEE9push_backERKi": "std::vector<int, std::allocator<int> >::push_back(int const&)",
}
SHOWN = {
    "zlib_compress": "zlib_compress",
    "PyEval_SaveThread": "PyEval_SaveThread",
    "": "",
    "void ns::Solver<double, 3>::run<int>(std::vector<int> const&)": "ns::Solver::run",
    "std::vector<int, std::allocator<int> > const& ns::f(int) const": "ns::f",
    "(anonymous namespace)::f(int) [clone .part.0]": "{anonymous}::f",
    "ns::A::operator()(int) const": "ns::A::operator()",
    "Foo::operator bool() const": "Foo::operator bool",
    "operator new(unsigned long)": "operator new",
    "bool operator< <int>(A const&, B)": "operator<",
    "std::ostream& std::operator<< <char>(std::ostream&, char const*)": "std::operator<<",
    "A::operator->() const": "A::operator->",
    "std::function<void (int)>::operator()(int) const": "std::function::operator()",
    "ns::f()::{lambda(int)#1}::operator()(int) const": "ns::f::{lambda#1}::operator()",
    "non-virtual thunk to A::f()": "A::f",
    "core::ptr::drop_in_place::<alloc::vec::Vec<u8>>": "core::ptr::drop_in_place",
    "<&std::fs::File as std::io::Seek>::stream_len": "std::fs::File::stream_len",
    "<&() as core::fmt::Debug>::fmt": "()::fmt",
    "<[u8]>::copy_within::<core::ops::range::RangeInclusive<usize>>": "[u8]::copy_within",
    "<alloc::vec::Vec<T> as core::ops::Drop>::drop": "alloc::vec::Vec::drop",
    "cryptography_rust::backend::aead::LongName::encrypt_into_another": "...::aead::LongName::encrypt_into_another",
    "a" * 90: "a" * 45 + "...",
}


@pytest.mark.parametrize("symbol", RUST)
def test_rust_has_two_forms(symbol: str) -> None:
    """Both are read, and what stands for no name stays the symbol that it is."""
    assert demangled(symbol) == (RUST[symbol] or symbol)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whether a library is loaded without loading it")
@pytest.mark.parametrize("symbol", CPP)
def test_names_of_cpp_come_from_its_runtime(symbol: str) -> None:
    """NumPy is written in C++, so that its runtime is here; where there is none, the symbol stays."""
    import_module("numpy")

    demangling._runtime.cache_clear()
    demangled.cache_clear()
    assert demangled(symbol) == CPP[symbol]


def test_without_a_runtime_a_symbol_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is no reason to load a library into a program."""
    monkeypatch.setattr(demangling, "_runtime", lambda: None)
    demangled.cache_clear()
    assert demangled("_ZN2ns1A3runEi") == "_ZN2ns1A3runEi"
    demangled.cache_clear()


@pytest.mark.parametrize("name", SHOWN)
def test_a_table_shows_the_name_alone(name: str) -> None:
    """Without arguments, result and templates; of many scopes the last."""
    assert shown(name) == SHOWN[name]
    assert shown(SHOWN[name]) == SHOWN[name]


@given(st.text(alphabet="_RNvCIBTSAKLGMXYEFDQpsu0123456789abcjz", max_size=60).map(lambda text: f"_R{text}"))
def test_no_symbol_is_too_much(symbol: str) -> None:
    """A file may hold anything: whatever a symbol says, there is a name, and soon."""
    assert demangled(symbol)
    assert len(shown(demangled(symbol))) <= 48


@pytest.mark.parametrize(
    "symbol",
    ["_RB_", "_RNvB_1a", "_RIC0pB_E", f"_R{'Nv' * 5000}C1a1b", f"_RIC1a{'S' * 5000}hE", "_RINvC1a1fFG999999999_EuE"],
)
def test_a_name_that_has_no_end_is_no_name(symbol: str) -> None:
    """One may lead back to itself, or be nested deeper than anybody writes."""
    assert demangled(symbol) == symbol


@given(st.text(alphabet="ab:<>()[]{} &,-", max_size=40))
def test_whatever_is_shown_is_short(name: str) -> None:
    """A name of a form that is not known is cut, and nothing fails."""
    assert len(shown(name)) <= 48


@pytest.mark.skipif(shutil.which("c++filt") is None, reason="binutils has no c++filt here")
def test_binutils_reads_the_same() -> None:
    """The demangler of binutils gives the hash of each crate, and the type of a constant, and else the same names."""
    symbols = [symbol for symbol in RUST if symbol.startswith("_R") and RUST[symbol]]
    done = subprocess.run(
        ["c++filt", "-s", "rust"], input="\n".join(symbols), capture_output=True, text=True, check=True
    )
    for symbol, line in zip(symbols, done.stdout.splitlines(), strict=True):
        if line != symbol:  # it may be older than a form
            bare = re.sub(r"\[[0-9a-f]+\]|: (?:[iu]\w+|bool|char)(?=[,\]>])|\.llvm\.\d+", "", line)
            assert rust_names.v0(symbol) == bare
