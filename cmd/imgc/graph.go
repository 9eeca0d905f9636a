package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"imgc/cmd/imgc/graph"
)

func (a *app) graphCommand() *cobra.Command {
	var p programFlags
	var form string
	cmd := &cobra.Command{
		Use:   "graph [PATH]",
		Short: "Draw what a program builds",
		Long:  `Draw the builds of a program, what is done for each source, and what waits for what.`,
		Example: `  imgc graph --format svg > program.svg
  imgc graph | dot -Tpng > program.png`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.place(args)
			prog, err := a.outline(&p)
			if err != nil {
				return err
			}
			g := graph.Of(prog)
			switch form {
			case "dot":
				_, err = io.WriteString(a.out, g.DOT())
			case "svg":
				_, err = io.WriteString(a.out, g.SVG())
			default:
				err = errUsage{fmt.Errorf("--format is dot or svg, not %q", form)}
			}
			return err
		},
	}
	p.add(cmd)
	cmd.Flags().StringVar(&form, "format", "dot", "dot or svg")
	return cmd
}
