package main

import (
	"github.com/spf13/cobra"
)

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Write a completion script for your shell",
		Long: `Write a script that makes your shell complete imgc's commands, flags, and the addresses of a program.

  bash   imgc completion bash > ~/.local/share/bash-completion/completions/imgc
  zsh    imgc completion zsh > "${fpath[1]}/_imgc"
  fish   imgc completion fish > ~/.config/fish/completions/imgc.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(a.out, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(a.out)
			}
			return cmd.Root().GenFishCompletion(a.out, true)
		},
	}
}
