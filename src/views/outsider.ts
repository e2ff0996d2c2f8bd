export function outsiderWords(reason: 'external_user' | 'guest' | 'bot'): string {
  switch (reason) {
    case 'external_user':
      return ':lock: Only people of this app’s own workspace can use it. You are signed in to another one.';
    case 'guest':
      return ':lock: Guests can’t use this app. Ask an admin of this workspace to make you a full member.';
    case 'bot':
      return ':lock: Bots can’t use this app.';
  }
}
