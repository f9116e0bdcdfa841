"""One table, written in four ways."""

from polar_search.analysis import Estimate
from polar_search.report.sheets import Column, Sheet

SHEET = Sheet(
    (
        Column("level", lambda row: row[0]),
        Column("n & more", lambda row: row[1]),
        Column("Both", lambda row: row[2], oracle=True, signed=True),
        Column("depth", lambda row: row[3]),
    ),
    [
        ("1", 1200, Estimate(0.5, 0.25, 0.75, 600, 1200, luck=0.1), 7.25),
        ("a|b_c", 0, Estimate(None, None, None, 0, 0), None),
    ],
)


def test_cells_are_texts_with_their_interval_beside_them():
    assert SHEET.cells() == [
        [("1", ""), ("1,200", ""), ("+50.0", "[+25, +75]"), ("7.2", "")],
        [("a|b_c", ""), ("0", ""), ("-", ""), ("-", "")],
    ]
    assert SHEET.alignments() == ["text", "number", "number", "number"]


def test_csv_keeps_every_number_in_full():
    assert SHEET.csv() == (
        "level,n & more,Both (oracle),Both (oracle): low,Both (oracle): high,"
        "Both (oracle): count,Both (oracle): n,Both (oracle): luck,depth\n"
        "1,1200,0.5,0.25,0.75,600,1200,0.1,7.25\n"
        "a|b_c,0,,,,0,0,,\n"
    )


def test_markdown_escapes_what_would_end_a_cell():
    assert SHEET.markdown() == (
        "| level | n & more | Both (oracle) | depth |\n"
        "| --- | --- | --- | --- |\n"
        "| 1 | 1,200 | +50.0 [+25, +75] | 7.2 |\n"
        "| a\\|b_c | 0 | - | - |\n"
    )


def test_latex_escapes_what_would_be_a_command():
    assert SHEET.latex() == (
        "\\begin{tabular}{lrrr}\n\\toprule\n"
        "level & n \\& more & Both (oracle) & depth \\\\\n\\midrule\n"
        "1 & 1,200 & +50.0 [+25, +75] & 7.2 \\\\\n"
        "a|b\\_c & 0 & - & - \\\\\n"
        "\\bottomrule\n\\end{tabular}\n"
    )
